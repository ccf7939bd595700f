"""What a network's matrix products cost, whatever runs them."""

from collections.abc import Sequence

from model.config import EncoderConfig


def matrix_operations(encoder: EncoderConfig, lengths: Sequence[int]) -> float:
    """Returns the multiplications and additions of texts of some numbers of tokens, unpadded."""
    width, inner = encoder.hidden_size, encoder.intermediate_size
    tokens = sum(lengths)
    dense = tokens * (4 * width * width + 2 * width * inner)
    attention = 2 * width * sum(length * length for length in lengths)
    return 2.0 * encoder.num_hidden_layers * (dense + attention)
