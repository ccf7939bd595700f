"""The network as ONNX graphs: the text encoder in int8, MobileNet and the heads in float32.

They are written operation by operation with ONNX's own helper: tf2onnx, Keras's way to ONNX, traces
TensorFlow's graph, and knows neither ONNX Runtime's attention nor its int8 matrix product.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from model.network.emotion_classifier import IMAGE_CHANNELS, AudioEncoder, EmotionClassifier
from model.network.roberta_backbone import RobertaBackbone, RobertaLayer
from schemas.emotions import Modality

OPSET = 21
IR_VERSION = 10
"""What ONNX Runtime reads from 1.20 on."""
MICROSOFT = "com.microsoft"
"""The domain of ONNX Runtime's own operations."""

FloatArray = npt.NDArray[np.float32]
Ranges = Mapping[str, tuple[float, float]]
"""The lowest and the highest input of a matrix product, by the product's name."""


class GraphWriter:
    """The nodes and constants of a graph that is being written."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def constant(self, name: str, value: npt.ArrayLike) -> str:
        """Adds a constant, unless it is there already, and returns its name.

        Raises:
            ValueError: the name has another value.
        """
        constant = numpy_helper.from_array(np.ascontiguousarray(value), name)
        if self._constants.setdefault(name, constant) != constant:
            raise ValueError(f"the constant {name} has two values")
        return name

    def add(self, operation: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Adds an operation of one output, and returns the output's name."""
        output = output or f"{operation}_{len(self._nodes)}"
        self._nodes.append(
            helper.make_node(operation, list(inputs), [output], name=output, **attributes)
        )
        return output

    def model(
        self, inputs: Mapping[str, tuple[int, Sequence[str | int]]], outputs: Sequence[str]
    ) -> onnx.ModelProto:
        """Returns the model; inputs are given as type and shape, outputs are float32."""
        float32 = TensorProto.FLOAT
        graph = helper.make_graph(
            self._nodes,
            "mm_emor",
            [helper.make_tensor_value_info(name, *each) for name, each in inputs.items()],
            [helper.make_tensor_value_info(name, float32, None) for name in outputs],
            list(self._constants.values()),
        )
        domains = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=domains, ir_version=IR_VERSION)


def matrix_products(backbone: RobertaBackbone) -> tuple[str, ...]:
    """Returns the names of an encoder's products of activations and weights, in their order."""
    return tuple(
        f"{layer.name}/{dense.name}"
        for layer in backbone.layers
        for dense in (layer.qkv, layer.attention_output, layer.intermediate, layer.output_dense)
    )


def text_graph(
    backbone: RobertaBackbone,
    ranges: Ranges,
    int16_inputs: Collection[str] = (),
    with_inputs: bool = False,
) -> onnx.ModelProto:
    """Returns the text encoder: what `TextEncoder.sum_windows` computes.

    Inputs: `token_ids`, int32 `[windows, length]`, and `token_mask`, bool; output: `sums`, float32
    `[windows, hidden_size]`.

    Args:
        backbone: the encoder, with its weights.
        ranges: of the inputs of those matrix products that are to run in int8; the others run in
            float32. A value outside its range counts as the range's end.
        int16_inputs: matrix products whose inputs have 16 bits. Each is the sum of two int8
            products: of the inputs rounded to 255 steps, and of what the rounding left.
        with_inputs: whether each product's input is an output, too, under the product's name.
    """
    writer = _TextWriter(backbone, ranges, int16_inputs, with_inputs)
    writer.write()
    shape = ("windows", "length")
    return writer.model(
        {"token_ids": (TensorProto.INT32, shape), "token_mask": (TensorProto.BOOL, shape)},
        ("sums", *(matrix_products(backbone) if with_inputs else ())),
    )


class _TextWriter(GraphWriter):
    def __init__(
        self,
        backbone: RobertaBackbone,
        ranges: Ranges,
        int16_inputs: Collection[str],
        with_inputs: bool,
    ) -> None:
        super().__init__()
        self._backbone = backbone
        self._ranges = ranges
        self._int16_inputs = int16_inputs
        self._with_inputs = with_inputs

    def write(self) -> None:
        """Adds all nodes."""
        mask = self.add("Cast", "token_mask", to=TensorProto.INT32)
        hidden = self._embed()
        for layer in self._backbone.layers:
            hidden = self._add_layer(layer, hidden, mask)
        weights = self.add("Cast", "token_mask", to=TensorProto.FLOAT)
        weights = self.add("Unsqueeze", weights, self.constant("last_axis", [-1]))
        masked = self.add("Mul", hidden, weights)
        self.add("ReduceSum", masked, self.constant("length_axis", [1]), output="sums", keepdims=0)

    def _embed(self) -> str:
        embeddings = self._backbone.embeddings
        words = _value(embeddings.words.embeddings)
        if self._ranges:
            # Half of a small encoder's weights; each row has a scale of its own.
            columns, scales = to_int8(words.T)
            looked_up = self.add("Gather", self.constant("words", columns.T), "token_ids")
            scale = self.add("Gather", self.constant("word_scales", scales[:, None]), "token_ids")
            hidden = self.add("Mul", self.add("Cast", looked_up, to=TensorProto.FLOAT), scale)
        else:
            hidden = self.add("Gather", self.constant("words", words), "token_ids")
        offset = self._backbone.config.position_offset
        positions = _value(embeddings.positions.embeddings)[offset:]
        positions = positions + _value(embeddings.token_types.embeddings)[0]
        length = self.add("Shape", "token_ids", start=1, end=2)
        first = self.constant("first", [0])
        placed = self.add("Slice", self.constant("positions", positions), first, length, first)
        return self._normalise(embeddings.norm, self.add("Add", hidden, placed), "embeddings")

    def _add_layer(self, layer: RobertaLayer, hidden: str, mask: str) -> str:
        attended = self._attend(layer, hidden, mask)
        added = self.add("Add", self._dense(layer, layer.attention_output, attended), hidden)
        hidden = self._normalise(layer.attention_norm, added, f"{layer.name}/attention")
        inner = self._dense(layer, layer.intermediate, hidden)
        inner = self._activate(inner, layer.config.hidden_act)
        added = self.add("Add", self._dense(layer, layer.output_dense, inner), hidden)
        return self._normalise(layer.output_norm, added, f"{layer.name}/output")

    def _attend(self, layer: RobertaLayer, hidden: str, mask: str) -> str:
        # Three products, and not one three times as wide: to take that apart costs more.
        name = f"{layer.name}/{layer.qkv.name}"
        terms = self._terms(name, hidden)
        projections = [
            self._product(f"{name}/{part}", terms, kernel)
            for part, kernel in zip(
                ("query", "key", "value"),
                np.split(_value(layer.qkv.kernel), 3, axis=1),
                strict=True,
            )
        ]
        return self.add(
            "MultiHeadAttention",
            *projections,
            self.constant(f"{name}/bias", _value(layer.qkv.bias)),
            mask,
            domain=MICROSOFT,
            num_heads=layer.config.num_attention_heads,
        )

    def _dense(self, layer: RobertaLayer, dense: keras.layers.Dense, inputs: str) -> str:
        name = f"{layer.name}/{dense.name}"
        terms = self._terms(name, inputs)
        return self._product(name, terms, _value(dense.kernel), _value(dense.bias))

    def _terms(self, name: str, inputs: str) -> list[tuple[str, ...]]:
        """Returns what the product's inputs are the sum of: int8 numbers, scale and zero, each."""
        if self._with_inputs:
            self.add("Identity", inputs, output=name)
        if name not in self._ranges:
            return [(inputs,)]
        low, high = self._ranges[name]
        low, high = min(low, 0.0), max(high, 0.0)
        step = max(high - low, 1e-6) / 255
        terms = [self._rounded(name, inputs, step, round(-low / step))]
        if name in self._int16_inputs:
            rest = self.add("Sub", inputs, self.add("DequantizeLinear", *terms[0]))
            terms.append(self._rounded(f"{name}/rest", rest, step / 254, 128))
        return terms

    def _rounded(self, name: str, inputs: str, step: float, zero: int) -> tuple[str, ...]:
        scale = self.constant(f"{name}/input_scale", np.float32(step))
        zero_point = self.constant(f"{name}/input_zero", np.uint8(zero))
        return self.add("QuantizeLinear", inputs, scale, zero_point), scale, zero_point

    def _product(
        self,
        name: str,
        terms: Sequence[tuple[str, ...]],
        kernel: FloatArray,
        bias: FloatArray | None = None,
    ) -> str:
        """Adds inputs · kernel + bias."""
        biases = [self.constant(f"{name}/bias", bias)] if bias is not None else []
        if len(terms[0]) == 1:
            output = self.add("MatMul", *terms[0], self.constant(f"{name}/kernel", kernel))
            return self.add("Add", output, *biases) if biases else output
        weights, scales = to_int8(kernel)
        outputs = []
        for number, (inputs, scale, zero) in enumerate(terms):
            # Each term's own: ONNX Runtime rewrites them for processors without VNNI, once each.
            kernel_name = f"{name}/kernel{number or ''}"
            outputs.append(
                self.add(
                    "MatMulIntegerToFloat",
                    inputs,
                    self.constant(kernel_name, weights),
                    scale,
                    self.constant(f"{name}/kernel_scales", scales),
                    zero,
                    self.constant(f"{kernel_name}_zeros", np.zeros(len(scales), np.int8)),
                    *biases,
                    domain=MICROSOFT,
                )
            )
            biases = []
        return outputs[0] if len(outputs) == 1 else self.add("Add", *outputs)

    def _normalise(self, norm: keras.layers.LayerNormalization, inputs: str, name: str) -> str:
        gamma = self.constant(f"{name}/gamma", _value(norm.gamma))
        beta = self.constant(f"{name}/beta", _value(norm.beta))
        return self.add("LayerNormalization", inputs, gamma, beta, epsilon=norm.epsilon, axis=-1)

    def _activate(self, inputs: str, activation: str) -> str:
        if activation == "relu":
            return self.add("Relu", inputs)
        if activation in ("silu", "swish"):
            return self.add("Mul", inputs, self.add("Sigmoid", inputs))
        return self.add("Gelu", inputs, approximate="none" if activation == "gelu" else "tanh")


def to_int8(kernel: FloatArray) -> tuple[npt.NDArray[np.int8], FloatArray]:
    """Returns a matrix as signed 8-bit numbers and what to multiply each of its columns with.

    >>> to_int8(np.array([[1.0, 0.0], [-0.5, 0.0]], np.float32))[0].tolist()
    [[127, 0], [-64, 0]]
    """
    scales = np.maximum(np.abs(kernel).max(axis=0), np.finfo(np.float32).tiny) / 127
    return np.rint(kernel / scales).astype(np.int8), scales.astype(np.float32)


def audio_graph(encoder: AudioEncoder) -> onnx.ModelProto:
    """Returns the audio encoder: what `AudioEncoder.encode_images` computes.

    Input: `images`, uint8 `[images, height, width]`; output: `features`, float32
    `[images, n_features]`. Batch normalisation is folded into the convolutions, and the three equal
    channels of an image are one, whose kernel is their sum.

    Raises:
        TypeError: the network has a layer that MobileNet (Keras 3) has not.
    """
    graph = GraphWriter()
    hidden = graph.add("Cast", "images", to=TensorProto.FLOAT)
    hidden = graph.add("Sub", hidden, graph.constant("mean", _value(encoder.row_mean)[..., 0]))
    hidden = graph.add("Div", hidden, graph.constant("std", _value(encoder.row_std)[..., 0]))
    hidden = graph.add("Unsqueeze", hidden, graph.constant("channel_axis", [1]))
    padding = [0, 0, 0, 0]
    convolution: keras.layers.Conv2D | keras.layers.DepthwiseConv2D | None = None
    for layer in encoder.mobilenet.layers:
        match layer:
            case keras.layers.InputLayer():
                pass
            case keras.layers.ZeroPadding2D():
                padding = [side[end] for end in (0, 1) for side in layer.padding]
            case keras.layers.Conv2D() | keras.layers.DepthwiseConv2D():
                convolution = layer
            case keras.layers.BatchNormalization() if convolution is not None:
                hidden = _convolved(graph, convolution, layer, hidden, padding)
                padding, convolution = [0, 0, 0, 0], None
            case keras.layers.ReLU():
                low = graph.constant("zero", np.float32(0))
                hidden = graph.add(
                    "Clip", hidden, low, graph.constant("six", np.float32(layer.max_value))
                )
            case keras.layers.GlobalAveragePooling2D():
                axes = graph.constant("image_axes", [2, 3])
                graph.add("ReduceMean", hidden, axes, output="features", keepdims=0)
            case _:
                raise TypeError(f"{layer.name} is a {type(layer).__name__}, which MobileNet lacks")
    shape = ("images", encoder.height, encoder.width)
    return graph.model({"images": (TensorProto.UINT8, shape)}, ("features",))


def _convolved(
    graph: GraphWriter,
    convolution: "keras.layers.Conv2D | keras.layers.DepthwiseConv2D",
    norm: keras.layers.BatchNormalization,
    inputs: str,
    padding: list[int],
) -> str:
    """Adds a convolution and the normalisation after it, as one."""
    scale = _value(norm.gamma) / np.sqrt(_value(norm.moving_variance) + norm.epsilon)
    bias = _value(norm.beta) - _value(norm.moving_mean) * scale
    kernel = _value(convolution.kernel)  # height, width, in, out
    depthwise = isinstance(convolution, keras.layers.DepthwiseConv2D)
    kernel = kernel.transpose(2, 3, 0, 1) if depthwise else kernel.transpose(3, 2, 0, 1)
    if convolution.name == "conv1":  # Keras's name of the first
        assert kernel.shape[1] == IMAGE_CHANNELS  # noqa: S101
        kernel = kernel.sum(axis=1, keepdims=True)
    same = convolution.padding == "same"
    return graph.add(
        "Conv",
        inputs,
        graph.constant(f"{convolution.name}/kernel", kernel * scale[:, None, None, None]),
        graph.constant(f"{convolution.name}/bias", bias),
        strides=list(convolution.strides),
        group=len(kernel) if depthwise else 1,
        **({"auto_pad": "SAME_UPPER"} if same else {"pads": padding}),
    )


def heads_graph(classifier: EmotionClassifier) -> onnx.ModelProto:
    """Returns the heads: what `EmotionClassifier.classify` computes.

    Inputs: `text` and `audio`, the encoders' features, float32 `[items, width]`, as many as the
    model reads. Outputs: logits `[items, emotions]` of each head, named `logits/` and its modality.
    """
    graph = GraphWriter()
    widths = {}
    if classifier.text_encoder:
        widths["text"] = classifier.text_encoder.backbone.config.hidden_size
    if classifier.audio_encoder:
        widths["audio"] = classifier.audio_encoder.n_features
    for modality, head in classifier.heads.items():
        hidden = modality
        if modality == Modality.TEXT_AUDIO:
            hidden = graph.add("Concat", *widths, axis=-1)
        for dense in (head.hidden, head.logits):
            name = f"{modality}/{dense.name}"
            kernel = graph.constant(f"{name}/kernel", _value(dense.kernel))
            hidden = graph.add(
                "Gemm",
                hidden,
                kernel,
                graph.constant(f"{name}/bias", _value(dense.bias)),
                output=f"logits/{modality}" if dense is head.logits else "",
            )
            if dense is head.hidden:
                hidden = graph.add("Relu", hidden)
    return graph.model(
        {name: (TensorProto.FLOAT, ("items", width)) for name, width in widths.items()},
        [f"logits/{modality}" for modality in classifier.heads],
    )


def _value(variable: keras.Variable) -> FloatArray:
    return np.asarray(keras.ops.convert_to_numpy(variable), np.float32)
