"""The ONNX graphs against the Keras layers that they stand for."""

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from model.network.backend import start_keras

start_keras()

import keras  # noqa: E402

from model.config import MobileNetConfig  # noqa: E402
from model.export.onnx_graphs import (  # noqa: E402
    GraphWriter,
    Ranges,
    audio_graph,
    heads_graph,
    matrix_products,
    text_graph,
    to_int8,
)
from model.network.emotion_classifier import AudioEncoder, EmotionClassifier, TextEncoder  # noqa: E402
from model.network.roberta_backbone import ACTIVATIONS, RobertaBackbone  # noqa: E402
from model.preprocessing.text_preprocessor import pad_windows  # noqa: E402
from model.scoring.onnx_engine import open_session  # noqa: E402
from tests.support.tiny_models import tiny_classifier_config, tiny_encoder  # noqa: E402

FloatArray = npt.NDArray[np.float32]
KINDS: dict[str, dict[str, Any]] = {
    "bert": {},
    "roberta": {"position_offset": 2, "pad_token_id": 1, "type_vocab_size": 1},
}
WINDOWS = [
    tuple(np.random.default_rng(length).integers(5, 90, length).tolist())
    for length in (5, 30, 1, 12)
]
"""Token ids; of their batch, two thirds are padding."""


def random_encoder(**changes: Any) -> TextEncoder:
    """An encoder whose weights are drawn anew: as initialised, biases hide that they are left out.

    Kernels and word embeddings are multiples of 1/127 of what int8 scales them by, and so lose
    nothing in int8.
    """
    encoder = TextEncoder(RobertaBackbone(tiny_encoder(**changes)))
    encoder.build((None, None, None), (None, None, None))
    random = np.random.default_rng(5)
    for variable in encoder.weights:
        value = random.normal("gamma" in variable.path, 0.3, variable.shape)
        if variable.path.endswith("kernel"):
            value = as_if_int8(value)
        elif "words" in variable.path:
            value = as_if_int8(value.T).T
        variable.assign(value)
    return encoder


def as_if_int8(kernel: npt.NDArray[np.floating]) -> FloatArray:
    weights, scales = to_int8(kernel.astype(np.float32))
    return weights * scales


def run(graph: onnx.ModelProto, **inputs: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
    session = open_session(graph.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


def mean_states(
    encoder: TextEncoder,
    ranges: Ranges,
    fine: tuple[str, ...] = (),
    windows: list[tuple[int, ...]] = WINDOWS,
) -> FloatArray:
    token_ids, mask = pad_windows(windows, encoder.backbone.config.max_window_tokens)
    graph = text_graph(encoder.backbone, ranges, fine)
    return run(graph, token_ids=token_ids, token_mask=mask)["sums"] / mask.sum(1, keepdims=True)


def seen_ranges(encoder: TextEncoder) -> Ranges:
    token_ids, mask = pad_windows(WINDOWS, encoder.backbone.config.max_window_tokens)
    graph = text_graph(encoder.backbone, {}, with_inputs=True)
    seen = run(graph, token_ids=token_ids, token_mask=mask)
    return {
        name: (float(seen[name][mask].min()), float(seen[name][mask].max()))
        for name in matrix_products(encoder.backbone)
    }


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_sums_of_windows_equal_keras(kind: str, activation: str) -> None:
    encoder = random_encoder(hidden_act=activation, **KINDS[kind])
    token_ids, mask = pad_windows(WINDOWS, encoder.backbone.config.max_window_tokens)
    sums = run(text_graph(encoder.backbone, {}), token_ids=token_ids, token_mask=mask)["sums"]
    expected = keras.ops.convert_to_numpy(encoder.sum_windows(token_ids, mask))
    np.testing.assert_allclose(sums, expected, atol=1e-4)


def test_inputs_of_the_products_can_be_outputs() -> None:
    encoder = random_encoder()
    token_ids, mask = pad_windows(WINDOWS, 32)
    graph = text_graph(encoder.backbone, {}, with_inputs=True)
    seen = run(graph, token_ids=token_ids, token_mask=mask)
    assert {name: values.shape for name, values in seen.items()} == {
        "sums": (4, 16),
        **{
            f"layer_{layer}/{product}": (4, 32, width)
            for layer in (0, 1)
            for product, width in (
                *(("qkv", 16), ("attention_output", 16)),
                *(("intermediate", 16), ("output_dense", 32)),
            )
        },
    }
    assert list(seen)[1:] == list(matrix_products(encoder.backbone))
    embedded = keras.ops.convert_to_numpy(encoder.backbone.embeddings(token_ids))
    np.testing.assert_allclose(seen["layer_0/qkv"], embedded, atol=1e-5)
    layer = encoder.backbone.layers[0]
    inner = layer.activation(layer.intermediate(seen["layer_0/intermediate"]))
    np.testing.assert_allclose(seen["layer_0/output_dense"], inner, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_int8_is_near_and_finer_inputs_are_far_nearer(kind: str) -> None:
    """What is lost is lost by the inputs: these weights are exact in int8."""
    encoder = random_encoder(**KINDS[kind])
    ranges = seen_ranges(encoder)
    exact = mean_states(encoder, {})
    coarse = np.abs(mean_states(encoder, ranges) - exact).mean()
    fine = np.abs(mean_states(encoder, ranges, tuple(ranges)) - exact).mean()
    # States are normalised: their deviation is about 1, and a range's step about a hundredth of it.
    assert 0.001 < coarse < 0.03
    # Their steps are 254 times smaller.
    assert fine < coarse / 150


def test_only_the_products_with_a_range_are_in_int8() -> None:
    encoder = random_encoder()
    ranges = seen_ranges(encoder)
    some = {name: ranges[name] for name in ("layer_0/qkv", "layer_1/output_dense")}
    graph = text_graph(encoder.backbone, some, int16_inputs=("layer_1/output_dense",)).graph
    # One for queries, keys and values each, and two that make up the finer one.
    assert [node.op_type for node in graph.node].count("MatMulIntegerToFloat") == 3 + 2
    assert [node.op_type for node in graph.node].count("MatMul") == 3 * 1 + 5


def test_inputs_beyond_their_range_count_as_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = random_encoder()
    low, high = (end / 4 for end in seen_ranges(encoder)["layer_0/qkv"])
    exact, quick = (mean_states(encoder, ranges) for ranges in ({}, {"layer_0/qkv": (low, high)}))
    product = encoder.backbone.layers[0].qkv
    call = product.call
    monkeypatch.setattr(product, "call", lambda inputs: call(keras.ops.clip(inputs, low, high)))
    token_ids, mask = pad_windows(WINDOWS, 32)
    clipped = encoder.sum_windows(token_ids, mask) / mask.sum(axis=1, keepdims=True)
    assert np.abs(clipped - exact).max() > 0.2
    np.testing.assert_allclose(quick, clipped, atol=0.02)


@pytest.mark.parametrize(
    ("seen", "counts"), [((1.0, 2.0), (0.0, 2.0)), ((-2.0, -1.0), (-2.0, 0.0))]
)
def test_a_range_always_holds_zero(seen: tuple[float, float], counts: tuple[float, float]) -> None:
    encoder = random_encoder()
    np.testing.assert_array_equal(
        mean_states(encoder, {"layer_0/qkv": seen}), mean_states(encoder, {"layer_0/qkv": counts})
    )


@pytest.mark.parametrize("precision", ["float32", "int8", "fine"])
def test_a_window_is_what_it_is_whatever_stands_beside_it(precision: str) -> None:
    """Alone, the short ones have less padding, too."""
    encoder = random_encoder()
    ranges = {} if precision == "float32" else seen_ranges(encoder)
    fine = tuple(ranges) if precision == "fine" else ()
    together = mean_states(encoder, ranges, fine)
    for row, window in enumerate(WINDOWS):
        alone = mean_states(encoder, ranges, fine, [window])
        np.testing.assert_allclose(together[row], alone[0], atol=1e-6)


def random_audio_encoder(alpha: float, height: int, width: int) -> AudioEncoder:
    """An encoder of random weights, with the batch statistics that random images give them."""
    encoder = AudioEncoder(MobileNetConfig(alpha, batch_norm_momentum=0.001), height, width)
    encoder.build((None, None, None, None), (None, None))
    random = np.random.default_rng(8)
    for variable in encoder.weights:
        if variable.path.endswith(("gamma", "beta")):
            variable.assign(random.normal("gamma" in variable.path, 0.3, variable.shape))
    encoder.scale_rows(random.uniform(90, 160, height), random.uniform(30, 90, height))
    for _ in range(2):
        encoder.encode_images(random_images(16, height, width), training=True)
    return encoder


def random_images(n: int, height: int, width: int) -> npt.NDArray[np.uint8]:
    """Noise in rows of different brightness: of noise alone, MobileNet says the same each time."""
    random = np.random.default_rng(n)
    noise = random.uniform(0, 256, (n, height, width))
    return (noise * random.uniform(0, 1, (n, height, 1))).astype(np.uint8)


@pytest.mark.parametrize(
    ("alpha", "height", "width"),
    [
        *((0.25, 64, 96), (0.25, 128, 128), (0.25, 45, 71), (0.5, 64, 48)),
        # So narrow that a layer in the middle has three channels, as an image has.
        (0.1, 64, 64),
    ],
)
def test_features_of_images_equal_keras(alpha: float, height: int, width: int) -> None:
    encoder = random_audio_encoder(alpha, height, width)
    images = random_images(3, height, width)
    features = run(audio_graph(encoder), images=images)["features"]
    expected = keras.ops.convert_to_numpy(encoder.encode_images(images))
    assert expected.std(axis=0).max() > 0.1
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-4)


def test_another_network_than_mobilenet_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = random_audio_encoder(0.25, 32, 32)
    network = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten()])
    monkeypatch.setitem(encoder.__dict__, "mobilenet", network)
    with pytest.raises(TypeError, match="is a Flatten, which MobileNet lacks"):
        audio_graph(encoder)


@pytest.mark.parametrize(("text", "audio"), [(True, False), (False, True), (True, True)])
def test_logits_equal_keras(text: bool, audio: bool) -> None:
    classifier = EmotionClassifier(tiny_classifier_config(text=text, audio=audio))
    random = np.random.default_rng(10)
    for head in classifier.heads.values():
        for variable in head.weights:
            variable.assign(random.normal(0, 0.3, variable.shape))
    # As ReLU leaves MobileNet's.
    features = {
        name: random.normal(0, 1, (4, width)).astype(np.float32)
        for name, width, has in (("text", 16, text), ("audio", 102, audio))
        if has
    }
    logits = run(heads_graph(classifier), **features)
    expected = classifier.classify(features.get("text"), features.get("audio"))
    assert list(logits) == [f"logits/{head}" for head in expected]
    for head, values in expected.items():
        np.testing.assert_allclose(
            logits[f"logits/{head}"], keras.ops.convert_to_numpy(values), atol=1e-4
        )


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 6), st.integers(1, 6)),
        elements=st.floats(-1e6, 1e6, width=32),
    )
)
def test_int8_is_within_half_a_step(kernel: FloatArray) -> None:
    weights, scales = to_int8(kernel)
    assert weights.dtype == np.int8
    assert (scales > 0).all()
    assert np.abs(weights.astype(int)).max() <= 127
    error = np.abs(kernel.astype(np.float64) - weights * scales.astype(np.float64))
    assert (error <= 0.5001 * scales).all()
    assert not weights[:, ~kernel.any(axis=0)].any()


def test_a_constant_has_one_value() -> None:
    graph = GraphWriter()
    assert graph.constant("one", np.float32(1)) == graph.constant("one", np.float32(1)) == "one"
    with pytest.raises(ValueError, match="the constant one has two values"):
        graph.constant("one", np.float32(2))
