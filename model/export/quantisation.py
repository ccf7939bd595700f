"""The text encoder in int8, by NNCF: its products over ranges that were seen on texts.

Ranges are fixed. Else each batch would have the range of its own extremes, and a text's scores
would depend on what is beside it. What is left of that are last bits of float32 that decide a
rounding: some 8e-4 of a score at most, where float32 keeps within 1e-4.
"""

import contextlib
import io
import logging
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from model.network.backend import start_openvino
from model.network.graph_names import name_by_place
from model.preprocessing.text_preprocessor import pad_windows

if TYPE_CHECKING:
    import openvino as ov

Window = tuple[int, ...]
KINDS = ("output_dense", "intermediate", "attention_output", "value", "key", "query")
"""A layer's products with weights; see `products_of` for their order."""


def quantise(
    graph: "ov.Model", windows: Sequence[Window], in_float32: Collection[str] = ()
) -> "ov.Model":
    """Returns a text encoder whose products with weights run in int8.

    Weights have all 8 bits, without NNCF's overflow fix: the engine knows which processors would
    cut sums.

    Args:
        graph: the encoder in float32; it is changed.
        windows: of texts that show the range of each product's inputs; some hundreds.
        in_float32: those of `products_of` that stay as they are.
    """
    start_openvino()
    import nncf  # noqa: PLC0415  (after OpenVINO, whose telemetry is off by then)

    nncf.set_log_level(logging.ERROR)
    kept = [node.get_friendly_name() for node in _products(graph) if _layer_of(node) in in_float32]
    with contextlib.redirect_stdout(io.StringIO()):  # its bars
        quantised = nncf.quantize(
            graph,
            nncf.Dataset(windows, _inputs),
            model_type=nncf.ModelType.TRANSFORMER,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(windows),
            ignored_scope=nncf.IgnoredScope(names=kept),
            advanced_parameters=nncf.AdvancedQuantizationParameters(
                overflow_fix=nncf.OverflowFix.DISABLE
            ),
        )
    name_by_place(quantised)
    return quantised


def products_of(graph: "ov.Model") -> tuple[str, ...]:
    """Returns the names of an encoder's products with weights, such as `layer_0/query`.

    First the ones that int8 costs most: what follows the activation, whose outputs are skewed; of
    each kind, the first layers. So it was measured on the default model.
    """
    names = [_layer_of(node) for node in _products(graph)]
    return tuple(sorted(names, key=lambda name: KINDS.index(name.partition("/")[2])))


def _products(graph: "ov.Model") -> "list[ov.Node]":
    return [
        node
        for node in graph.get_ordered_ops()
        if node.get_type_name() == "MatMul" and "/" in node.get_friendly_name()
    ]


def _layer_of(product: "ov.Node") -> str:
    """Returns `layer_0/query` of `backbone_1/layer_0_1/query_1/Tensordot/MatMul`."""
    _, layer, dense, *_ = product.get_friendly_name().split("/")
    return "/".join(part.rpartition("_")[0] for part in (layer, dense))


def _inputs(window: Window) -> dict[str, npt.NDArray[np.generic]]:
    token_ids, token_mask = pad_windows([window], len(window))
    return {"token_ids": token_ids, "token_mask": token_mask}
