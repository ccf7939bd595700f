"""Which matrix products of a text encoder run in int8, and over which range of their inputs.

Ranges are observed once, on texts, and then fixed. So a text's scores depend on nothing that is
scored beside it but for the last bits of float32, which they would if each batch had the range of
its own extremes.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from model.export.onnx_graphs import Ranges, heads_graph, matrix_products, text_graph
from model.network.emotion_classifier import EmotionClassifier
from model.preprocessing.text_preprocessor import pad_windows, token_batches
from model.scoring.onnx_engine import open_session

FloatArray = npt.NDArray[np.float32]
Window = tuple[int, ...]
BATCH_TOKENS = 2048


def observe_ranges(
    classifier: EmotionClassifier, windows: Sequence[Window]
) -> dict[str, tuple[float, float]]:
    """Returns the lowest and the highest input of each of an encoder's products on some texts.

    Args:
        classifier: the network, with its weights.
        windows: token ids of texts; some hundreds.
    """
    assert classifier.text_encoder  # noqa: S101  (a model without one has nothing to quantise)
    backbone = classifier.text_encoder.backbone
    products = matrix_products(backbone)
    watching = open_session(text_graph(backbone, {}, with_inputs=True).SerializeToString())
    lows, highs = np.zeros(len(products)), np.zeros(len(products))
    for _, token_ids, mask in _batches(windows, backbone.config.max_window_tokens):
        seen = watching.run(list(products), {"token_ids": token_ids, "token_mask": mask})
        lows = np.minimum(lows, [values[mask].min() for values in seen])
        highs = np.maximum(highs, [values[mask].max() for values in seen])
    return dict(zip(products, zip(lows.tolist(), highs.tolist(), strict=True), strict=True))


def rank_products(
    classifier: EmotionClassifier, windows: Sequence[Window], ranges: Ranges
) -> tuple[str, ...]:
    """Returns the products, and first the one whose quantisation moves the logits most."""
    exact = _logits(classifier, {}, windows)
    moved = {
        name: float(np.abs(_logits(classifier, {name: each}, windows) - exact).mean())
        for name, each in ranges.items()
    }
    return tuple(sorted(moved, key=moved.__getitem__, reverse=True))


def _logits(classifier: EmotionClassifier, ranges: Ranges, windows: Sequence[Window]) -> FloatArray:
    """Returns the text head's logits of texts of one window each."""
    assert classifier.text_encoder  # noqa: S101
    backbone = classifier.text_encoder.backbone
    encoder = open_session(text_graph(backbone, ranges).SerializeToString())
    features = np.zeros((len(windows), backbone.config.hidden_size), np.float32)
    for rows, token_ids, mask in _batches(windows, backbone.config.max_window_tokens):
        (sums,) = encoder.run(None, {"token_ids": token_ids, "token_mask": mask})
        features[rows] = sums / mask.sum(axis=1, keepdims=True, dtype=np.float32)
    heads = open_session(heads_graph(classifier).SerializeToString())
    inputs = {
        each.name: np.zeros((len(windows), each.shape[1]), np.float32)
        for each in heads.get_inputs()
    }
    logits: FloatArray = heads.run(["logits/text"], inputs | {"text": features})[0]
    return logits


def _batches(
    windows: Sequence[Window], window_tokens: int
) -> Iterator[tuple[list[int], npt.NDArray[np.int32], npt.NDArray[np.bool_]]]:
    for rows in token_batches([len(window) for window in windows], BATCH_TOKENS):
        yield rows, *pad_windows([windows[row] for row in rows], window_tokens)
