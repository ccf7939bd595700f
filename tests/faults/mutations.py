"""Ways to spoil the bytes of a file."""

import random
from collections.abc import Callable, Sequence

HEADER_BYTES = 96
EXTREMES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
TOKENS = (
    b"null",
    b"true",
    b"-0",
    b"1e999",
    b"NaN",
    b"123456789012345678901234567890",
    b'"\\ud800"',
    b'"\\u0000"',
    b"\xed\xa0\x80",
    b"\xff\xfe",
    b"\x00",
    b"\r",
    b"\n",
    b'"',
    b'""',
    b",",
    b"{}",
    b"[" * 2000,
    b'{"a":' * 500,
    b"../../etc/passwd",
    b"gs://x/y",
    b"9999-99-99T99:99:99Z",
    b"x" * 5000,
    "🏴".encode() * 200,
    "é́̂".encode(),
)


def mutate(
    data: bytes, others: Sequence[bytes], draw: random.Random, *, is_text: bool = False
) -> bytes:
    """Returns the bytes after one to three random changes.

    Args:
        data: a whole file, or a line of one.
        others: what may be spliced in.
        draw: decides all.
        is_text: whether words that break parsers are among what is inserted.
    """
    changes = [*CHANGES, _put_token, _put_token] if is_text else CHANGES
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 3))):
        changed = draw.choice(changes)(changed, others, draw)
    return bytes(changed)


def _flip_bits(data: bytearray, others: Sequence[bytes], draw: random.Random) -> bytearray:
    for _ in range(draw.choice((1, 1, 4, 16)) if data else 0):
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    return data


def _cut_end(data: bytearray, others: Sequence[bytes], draw: random.Random) -> bytearray:
    return data[: draw.randrange(len(data) + 1)]


def _cut_within(data: bytearray, others: Sequence[bytes], draw: random.Random) -> bytearray:
    start = draw.randrange(len(data) + 1)
    del data[start : start + draw.choice((1, 2, 4, 64, 1000))]
    return data


def _insert(data: bytearray, others: Sequence[bytes], draw: random.Random) -> bytearray:
    start = draw.randrange(len(data) + 1)
    data[start:start] = draw.randbytes(draw.choice((1, 2, 4, 64, 1000)))
    return data


def _double(data: bytearray, others: Sequence[bytes], draw: random.Random) -> bytearray:
    start = draw.randrange(len(data) + 1)
    span = data[start : start + draw.choice((4, 64, 1000))]
    data[start:start] = span * draw.choice((1, 2, 8))
    return data


def _splice(data: bytearray, others: Sequence[bytes], draw: random.Random) -> bytearray:
    other = draw.choice(others)
    return data[: draw.randrange(len(data) + 1)] + other[draw.randrange(len(other) + 1) :]


def _edit_header(data: bytearray, others: Sequence[bytes], draw: random.Random) -> bytearray:
    """Puts an extreme number where headers keep sizes, counts and rates."""
    size = draw.choice((1, 2, 4))
    start = draw.randrange(min(len(data), HEADER_BYTES) + 1)
    number = draw.choice(EXTREMES) % (1 << 8 * size)
    data[start : start + size] = number.to_bytes(size, draw.choice(("little", "big")))
    return data


def _blank(data: bytearray, others: Sequence[bytes], draw: random.Random) -> bytearray:
    start = draw.randrange(len(data) + 1)
    n_bytes = min(draw.choice((4, 64, 1000)), len(data) - start)
    data[start : start + n_bytes] = bytes([draw.choice((0, 255))]) * n_bytes
    return data


def _put_token(data: bytearray, others: Sequence[bytes], draw: random.Random) -> bytearray:
    start = draw.randrange(len(data) + 1)
    end = start + draw.choice((0, 0, 1, 8))
    data[start:end] = draw.choice(TOKENS)
    return data


Change = Callable[[bytearray, Sequence[bytes], random.Random], bytearray]
CHANGES: list[Change] = [
    _flip_bits,
    _flip_bits,
    _cut_end,
    _cut_within,
    _insert,
    _double,
    _splice,
    _edit_header,
    _edit_header,
    _blank,
]
