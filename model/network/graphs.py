"""The network's pieces as OpenVINO models, as its own converter makes them of Keras's."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from model.network.backend import start_openvino
from model.network.emotion_classifier import AudioEncoder, EmotionClassifier, TextEncoder
from model.network.graph_names import name_by_place

if TYPE_CHECKING:
    import openvino as ov


def text_graph(encoder: TextEncoder) -> "ov.Model":
    """Returns what `TextEncoder.sum_windows` computes.

    Inputs: `token_ids`, int32 `[windows, length]`, and `token_mask`, bool; output: `sums`, float32
    `[windows, hidden_size]`.
    """
    return _converted(
        lambda token_ids, token_mask: [encoder.sum_windows(token_ids, token_mask)],
        {"token_ids": ((None, None), tf.int32), "token_mask": ((None, None), tf.bool)},
        ("sums",),
    )


def audio_graph(encoder: AudioEncoder) -> "ov.Model":
    """Returns what `AudioEncoder.encode_images` computes.

    Input: `images`, uint8 `[images, height, width]`; output: `features`, float32
    `[images, n_features]`.
    """
    shape = (None, encoder.height, encoder.width)
    return _converted(
        lambda images: [encoder.encode_images(images)], {"images": (shape, tf.uint8)}, ("features",)
    )


def heads_graph(classifier: EmotionClassifier) -> "ov.Model":
    """Returns what `EmotionClassifier.classify` computes.

    Inputs: `text` and `audio`, the encoders' features, float32 `[items, width]`, as many as the
    model reads. Outputs: logits `[items, emotions]` of each head, named `logits/` and its modality.
    """
    widths = {}
    if classifier.text_encoder:
        widths["text"] = classifier.text_encoder.backbone.config.hidden_size
    if classifier.audio_encoder:
        widths["audio"] = classifier.audio_encoder.n_features

    def classify(**features: Any) -> list[Any]:
        logits = classifier.classify(features.get("text"), features.get("audio"))
        return [logits[head] for head in classifier.heads]

    signature = {name: ((None, width), tf.float32) for name, width in widths.items()}
    return _converted(classify, signature, [f"logits/{head}" for head in classifier.heads])


def _converted(
    function: Callable[..., list[Any]],
    signature: Mapping[str, tuple[tuple[int | None, ...], tf.DType]],
    outputs: Sequence[str],
) -> "ov.Model":
    """Returns a function of Keras's layers as a model, its weights in it.

    Args:
        function: of tensors by name; float32 throughout.
        signature: shape and type of each of its inputs.
        outputs: what to call what it returns.
    """
    ov = start_openvino()
    inputs = {name: tf.TensorSpec(*each, name=name) for name, each in signature.items()}
    concrete = tf.function(function).get_concrete_function(**inputs)
    whole = ov.convert_model(concrete)
    by_name = {name: node for node in whole.outputs for name in node.names}
    results = []
    for tensor, name in zip(concrete.outputs, outputs, strict=True):
        result = by_name[tensor.name].node
        result.output(0).set_names({name})
        result.set_friendly_name(name)
        results.append(result)
    # The converter returns whatever nothing reads, too: lengths, in the main.
    model = ov.Model(results, whole.get_parameters(), "mm_emor")
    name_by_place(model)
    return model
