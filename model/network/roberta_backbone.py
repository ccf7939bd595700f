"""The RoBERTa and BERT encoder (Liu et al. 2019, Devlin et al. 2019) in Keras operations."""

import math
from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from model.config import EncoderConfig

# Large enough to hide a position after the softmax, small enough for float32 sums.
MASKED_SCORE = -1e9


def exact_gelu(x: Any) -> Any:
    """Returns x·Φ(x), spelled with erf, which every converter knows.

    It is worked out in float32: TensorFlow's bfloat16 erf takes twice the time of a whole layer.
    """
    wide = ops.cast(x, "float32")
    return ops.cast(0.5 * wide * (1.0 + ops.erf(wide * math.sqrt(0.5))), x.dtype)


def tanh_gelu(x: Any) -> Any:
    """Returns the tanh approximation of gelu (Hugging Face's `gelu_new`)."""
    return 0.5 * x * (1.0 + ops.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x)))


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "gelu": exact_gelu,
    "gelu_new": tanh_gelu,
    "gelu_pytorch_tanh": tanh_gelu,
    "relu": ops.relu,
    "silu": ops.silu,
    "swish": ops.silu,
}


class RobertaEmbeddings(keras.layers.Layer):
    """The sum of word, position and token-type embeddings, normalised.

    The token type is 0 throughout, as in every single-sequence task.
    """

    def __init__(self, config: EncoderConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        width = config.hidden_size
        self.words = keras.layers.Embedding(config.vocab_size, width, name="words")
        self.positions = keras.layers.Embedding(
            config.max_position_embeddings, width, name="positions"
        )
        self.token_types = keras.layers.Embedding(
            max(config.type_vocab_size, 1), width, name="token_types"
        )
        self.norm = keras.layers.LayerNormalization(epsilon=config.layer_norm_eps, name="norm")
        self.dropout = keras.layers.Dropout(config.hidden_dropout_prob)

    def build(self, token_ids_shape: tuple[int | None, ...]) -> None:
        """Creates the tables, so that weights can be loaded before the first call."""
        self.words.build(token_ids_shape)
        self.positions.build((None,))
        self.token_types.build((None,))
        self.norm.build((*token_ids_shape, self.config.hidden_size))
        self.built = True

    def call(self, token_ids: Any, training: bool | None = None) -> Any:
        """Maps `[batch, length]` token ids to `[batch, length, hidden_size]`."""
        positions = ops.arange(ops.shape(token_ids)[1], dtype="int32") + self.config.position_offset
        embedded = self.words(token_ids) + self.positions(positions)
        embedded = embedded + self.token_types(ops.zeros_like(positions))
        return self.dropout(self.norm(embedded), training=training)


class RobertaLayer(keras.layers.Layer):
    """Self-attention and a feed-forward network, each added to its input and normalised.

    Queries, keys and values are three products, split into heads before anything else is done with
    them: OpenVINO then sees one attention operation in what follows, and runs int8 fastest (see
    docs/benchmarks.md).
    """

    def __init__(self, config: EncoderConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        width = config.hidden_size
        self.query = keras.layers.Dense(width, name="query")
        self.key = keras.layers.Dense(width, name="key")
        self.value = keras.layers.Dense(width, name="value")
        self.attention_output = keras.layers.Dense(width, name="attention_output")
        self.attention_norm = keras.layers.LayerNormalization(
            epsilon=config.layer_norm_eps, name="attention_norm"
        )
        self.intermediate = keras.layers.Dense(config.intermediate_size, name="intermediate")
        self.output_dense = keras.layers.Dense(width, name="output_dense")
        self.output_norm = keras.layers.LayerNormalization(
            epsilon=config.layer_norm_eps, name="output_norm"
        )
        self.activation = ACTIVATIONS[config.hidden_act]
        self.attention_dropout = keras.layers.Dropout(config.attention_probs_dropout_prob)
        self.hidden_dropout = keras.layers.Dropout(config.hidden_dropout_prob)

    def build(self, hidden_shape: tuple[int | None, ...]) -> None:
        """Creates the weights."""
        for projection in (self.query, self.key, self.value):
            projection.build(hidden_shape)
        self.attention_output.build(hidden_shape)
        self.attention_norm.build(hidden_shape)
        self.intermediate.build(hidden_shape)
        self.output_dense.build((*hidden_shape[:-1], self.config.intermediate_size))
        self.output_norm.build(hidden_shape)
        self.built = True

    def call(self, hidden: Any, score_bias: Any, training: bool | None = None) -> Any:
        """Maps `[batch, length, hidden_size]` to the same shape.

        Args:
            hidden: the layer's input.
            score_bias: float32 `[batch, 1, 1, length]`, 0 for tokens and MASKED_SCORE for padding.
            training: whether dropout is on.
        """
        attended = self.attention_output(self._attend(hidden, score_bias, training))
        hidden = self.attention_norm(hidden + self.hidden_dropout(attended, training=training))
        inner = self.output_dense(self.activation(self.intermediate(hidden)))
        return self.output_norm(hidden + self.hidden_dropout(inner, training=training))

    def _attend(self, hidden: Any, score_bias: Any, training: bool | None) -> Any:
        n_heads, width = self.config.num_attention_heads, self.config.hidden_size
        head_width = width // n_heads
        length = ops.shape(hidden)[1]
        query, key, value = (
            ops.transpose(
                ops.reshape(projection(hidden), (-1, length, n_heads, head_width)), (0, 2, 1, 3)
            )
            for projection in (self.query, self.key, self.value)
        )
        scores = ops.matmul(query * head_width**-0.5, ops.transpose(key, (0, 1, 3, 2)))
        # float32 also under a mixed policy: a bfloat16 softmax over a long row loses digits. Keras
        # casts the arguments of a layer to its compute type, the bias among them.
        weights = ops.softmax(
            ops.cast(scores, "float32") + ops.cast(score_bias, "float32"), axis=-1
        )
        weights = self.attention_dropout(ops.cast(weights, value.dtype), training=training)
        context = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
        return ops.reshape(context, (-1, length, width))


class RobertaBackbone(keras.layers.Layer):
    """The encoder: token ids in, one hidden state a token out; no pooler.

    Agrees with Transformers' `RobertaModel` and `BertModel` to 1e-4 on non-padding positions.
    """

    def __init__(self, config: EncoderConfig, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.config = config
        self.embeddings = RobertaEmbeddings(config, name="embeddings")
        self.layers = [
            RobertaLayer(config, name=f"layer_{index}") for index in range(config.num_hidden_layers)
        ]

    def build(
        self, token_ids_shape: tuple[int | None, ...], mask_shape: tuple[int | None, ...]
    ) -> None:
        """Creates the weights of every layer."""
        del mask_shape
        self.embeddings.build(token_ids_shape)
        for layer in self.layers:
            layer.build((*token_ids_shape, self.config.hidden_size))
        self.built = True

    def call(self, token_ids: Any, mask: Any, training: bool | None = None) -> Any:
        """Returns the hidden states of the last layer.

        Args:
            token_ids: int32 `[batch, length]`; length at most `config.max_window_tokens`.
            mask: `[batch, length]`, true or 1 for tokens, false or 0 for padding.
            training: whether dropout is on.

        Returns:
            `[batch, length, hidden_size]`; rows of padding hold no meaning.
        """
        score_bias = (1.0 - ops.cast(mask, "float32")[:, None, None, :]) * MASKED_SCORE
        hidden = self.embeddings(token_ids, training=training)
        for layer in self.layers:
            hidden = layer(hidden, score_bias, training=training)
        return hidden
