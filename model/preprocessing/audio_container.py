"""What the bytes of an audio file say before anything is decoded: its container, and its length.

A decoder that meets the end of a file early mostly stops without a word, so that half a clip would
be labelled as if it were the whole. The sizes that the containers themselves declare tell.
"""

import struct
from collections.abc import Iterator
from enum import StrEnum

STREAMED_SIZE = 0x7FFFF000
"""Sizes from here on stand for "unknown": SoX writes this one to a pipe, FFmpeg 0xFFFFFFFF."""
ID3V1_BYTES = 128
"""Tag at the end of an MP3 file, which some writers count in the Xing header's size."""
OGG_PAGE_HEADER_BYTES = 27
OGG_FIRST_PAGE, OGG_LAST_PAGE = 0x02, 0x04
"""Flags of a stream's first and last page."""
MP4_BOXES = frozenset(
    b"ftyp styp moov moof mdat mfra free skip wide sidx ssix prft emsg uuid meta udta pnot".split()
)
EBML_ID, SEGMENT_ID = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


MP3_BITRATES = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Of layer III in kbit/s, for MPEG-1 and for MPEG-2 and 2.5 (ISO 11172-3 and 13818-3)."""
MP3_RATES_HZ = {
    3: (44_100, 48_000, 32_000),
    2: (22_050, 24_000, 16_000),
    0: (11_025, 12_000, 8_000),
}
MP3_FRAMES_TO_TELL = 3
"""That follow each other: what begins with so many is MP3, and no samples that look like it."""


class Container(StrEnum):
    """The layout of an audio file, as its first bytes show it."""

    WAV = "wav"
    STREAMED_WAV = "streamed wav"
    AIFF = "aiff"
    FLAC = "flac"
    OGG = "ogg"
    CHAINED_OGG = "chained ogg"
    MP3 = "mp3"
    MP4 = "mp4"
    MATROSKA = "matroska"
    OTHER = "other"


def sniff(data: bytes) -> Container:
    """Returns the container that the content shows; a file's name is never asked.

    >>> sniff(b"fLaC..."), sniff(b"hello"), str(sniff(b"RIFF....WAVEfmt "))
    (<Container.FLAC: 'flac'>, <Container.OTHER: 'other'>, 'wav')
    """
    head = data[:12].ljust(12, b"\0")
    after_tag = data[_id3v2_end(data) :][:4].ljust(4, b"\0")
    is_wav = head[:4] in (b"RIFF", b"RF64") and head[8:] == b"WAVE"
    is_ogg = head[:4] == b"OggS"
    # 11 bits of sync, then two of version and two of layer; layer 0 is ADTS, which is AAC.
    is_mp3 = after_tag[0] == 0xFF and after_tag[1] & 0xE0 == 0xE0 and after_tag[1] & 0x06 > 0
    for holds, container in (
        (is_wav and _is_streamed_wav(data), Container.STREAMED_WAV),
        (is_wav, Container.WAV),
        (head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"), Container.AIFF),
        (after_tag == b"fLaC", Container.FLAC),
        (is_ogg and _is_chained_ogg(data), Container.CHAINED_OGG),
        (is_ogg, Container.OGG),
        (is_mp3, Container.MP3),
        (head[4:8] in MP4_BOXES, Container.MP4),
        (head[:4] == EBML_ID, Container.MATROSKA),
    ):
        if holds:
            return container
    return Container.OTHER


def missing_bytes(data: bytes, container: Container) -> int:
    """Returns how many bytes, at least, the file lacks of what its header declares.

    0 means that it is complete or that its container does not tell (streamed files, ADTS, MP3
    without a Xing header). What follows the samples, such as tags, may be cut.
    """
    checks = {
        Container.WAV: _missing_of_wav,
        Container.AIFF: _missing_of_aiff,
        Container.FLAC: _missing_of_flac,
        Container.OGG: _missing_of_ogg,
        Container.CHAINED_OGG: _missing_of_ogg,
        Container.MP3: _missing_of_mp3,
        Container.MP4: _missing_of_mp4,
        Container.MATROSKA: _missing_of_matroska,
    }
    return checks[container](data) if container in checks else 0


def mp3_within(data: bytes) -> bytes | None:
    """Returns the MP3 file that a WAV holds, whatever its header says of it; None of another WAV.

    Recorders write a header for samples in front of it, or name it with the tag 0x55.
    """
    for name, start, _ in _chunks(data, "<"):
        if name == b"data":
            inner = data[start:]
            at = _id3v2_end(inner)
            for n_frames in range(MP3_FRAMES_TO_TELL):
                n_bytes = _mp3_frame_bytes(inner[at : at + 4])
                if n_bytes is None:
                    return inner if n_frames and at == len(inner) else None
                at += n_bytes
            return inner
    return None


def is_mpeg_wav(data: bytes) -> bool:
    """Says whether a WAV's header names an MPEG layer, whose decoder in libsndfile talks."""
    for name, start, _ in _chunks(data, "<"):
        if name == b"fmt ":
            return data[start : start + 2] in (b"\x50\0", b"\x55\0")
    return False


def _mp3_frame_bytes(header: bytes) -> int | None:
    """Returns the length of the layer III frame that begins so; None if none does."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, bitrate, rate = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or rate == 3 or not 0 < bitrate < 15:
        return None
    samples_of_byte = 144 if version == 3 else 72
    rate_hz = MP3_RATES_HZ[version][rate]
    return samples_of_byte * 1000 * MP3_BITRATES[version == 3][bitrate] // rate_hz + (
        header[2] >> 1 & 1
    )


def lacks_last_page(data: bytes) -> bool:
    """Says whether a stream of an Ogg file has no page that is marked as its last.

    Telegram for Android writes voice notes so, which are whole all the same.
    """
    unfinished = set()
    for flags, serial, _ in _ogg_pages(data):
        unfinished.add(serial)
        if flags & OGG_LAST_PAGE:
            unfinished.discard(serial)
    return bool(unfinished)


def ogg_seconds(data: bytes) -> float | None:
    """Returns where the last page of an Ogg file says that it ends; None where it does not tell."""
    *_, (_, _, end) = _ogg_pages(data)
    start = data.rfind(b"OggS")
    header = data[start : start + OGG_PAGE_HEADER_BYTES]
    if len(header) < OGG_PAGE_HEADER_BYTES or end <= start:
        return None
    granule = int.from_bytes(header[6:14], "little", signed=True)
    first = data[OGG_PAGE_HEADER_BYTES + data[26] :][:64] if len(data) > 26 else b""
    rate_hz, skipped = 0, 0
    if first[:8] == b"OpusHead" and len(first) >= 12:
        rate_hz, skipped = 48_000, int.from_bytes(first[10:12], "little")
    elif first[:7] == b"\x01vorbis" and len(first) >= 16:
        rate_hz = int.from_bytes(first[12:16], "little")
    elif first[:5] == b"\x7fFLAC" and len(first) >= 30:
        rate_hz = int.from_bytes(first[27:30], "big") >> 4
    elif first[:8] == b"Speex   " and len(first) >= 40:
        rate_hz = int.from_bytes(first[36:40], "little")
    return max(granule - skipped, 0) / rate_hz if rate_hz and granule >= 0 else None


def xing_sizes(data: bytes) -> tuple[int, int] | None:
    """Returns the frames and bytes that an MP3's Xing, Info or VBRI header counts (0 = unknown)."""
    start = _id3v2_end(data)
    if len(data) < start + 4:
        return None
    is_mpeg1, is_mono = data[start + 1] >> 3 & 3 == 3, data[start + 3] >> 6 == 3
    side_info_bytes = {(True, False): 32, (False, True): 9}.get((is_mpeg1, is_mono), 17)
    xing = data[start + 4 + side_info_bytes :][:16]
    if xing[:4] in (b"Xing", b"Info") and len(xing) == 16:
        flags, *fields = struct.unpack(">4xIII", xing)
        n_frames = fields.pop(0) if flags & 1 else 0
        return n_frames, fields[0] if flags & 2 else 0
    vbri = data[start + 36 : start + 54]
    if vbri[:4] == b"VBRI" and len(vbri) == 18:
        n_bytes, n_frames = struct.unpack(">10xII", vbri)
        return n_frames, n_bytes
    return None


def _id3v2_end(data: bytes) -> int:
    """Where the ID3v2 tag ends, which may stand before MP3, FLAC and ADTS."""
    if data[:3] != b"ID3" or len(data) < 10:
        return 0
    size = 0
    for byte in data[6:10]:  # 7 bits of each byte, so that no sync word arises
        size = size << 7 | byte & 0x7F
    return 10 + size + (10 if data[5] & 0x10 else 0)


def _chunks(data: bytes, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Yields id, start and declared size of each chunk of a RIFF (`<`) or IFF (`>`) file."""
    position = 12
    while position + 8 <= len(data):
        name, size = struct.unpack_from(f"{order}4sI", data, position)
        yield name, position + 8, size
        position += 8 + size + (size & 1)


def _is_streamed_wav(data: bytes) -> bool:
    """Whether the samples' size was never filled in, as libsndfile reads it as no samples."""
    (riff_size,) = struct.unpack_from("<I", data, 4)
    for name, start, size in _chunks(data, "<"):
        if name == b"data":
            return size == 0 and start < len(data) and 8 + riff_size != len(data)
    return False


def _missing_of_wav(data: bytes) -> int:
    long_size = 0
    for name, start, size in _chunks(data, "<"):
        if name == b"ds64" and start + 16 <= len(data):  # RF64: the sizes, in 64 bits
            (long_size,) = struct.unpack_from("<8xQ", data, start)
        if name == b"data":
            is_known = size < STREAMED_SIZE
            return max(0, start + (size if is_known else long_size) - len(data))
    return _missing_of_form(data, "<")


def _missing_of_aiff(data: bytes) -> int:
    for name, start, size in _chunks(data, ">"):
        if name == b"SSND":
            return max(0, start + size - len(data)) if size < STREAMED_SIZE else 0
    return _missing_of_form(data, ">")


def _missing_of_form(data: bytes, order: str) -> int:
    """What the outermost chunk lacks, where the file ends before its samples begin."""
    (size,) = struct.unpack_from(f"{order}I", data, 4)
    return max(0, 8 + size - len(data)) if size < STREAMED_SIZE else 0


def _missing_of_flac(data: bytes) -> int:
    position, n_samples, min_frame_bytes, is_last = _id3v2_end(data) + 4, 0, 0, False
    while not is_last:
        header = data[position : position + 4]
        if len(header) < 4:
            return 4 - len(header)
        is_last, kind, size = header[0] & 0x80 > 0, header[0] & 0x7F, header[1] << 16
        size |= header[2] << 8 | header[3]
        position += 4
        if position + size > len(data):
            return position + size - len(data)
        if kind == 0 and size >= 34:  # STREAMINFO
            min_frame_bytes = int.from_bytes(data[position + 4 : position + 7], "big")
            n_samples = int.from_bytes(data[position + 13 : position + 18], "big") & (1 << 36) - 1
        position += size
    # How many bytes the frames take is not declared: the decoder compares the samples it gets.
    return max(0, position + max(min_frame_bytes, 1) - len(data)) if n_samples else 0


def _ogg_pages(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yields flags, serial number and declared end of each page (RFC 3533, section 6)."""
    position = 0
    while data[position : position + 4] == b"OggS":
        header = data[position : position + OGG_PAGE_HEADER_BYTES]
        if len(header) < OGG_PAGE_HEADER_BYTES:
            yield 0, b"", position + OGG_PAGE_HEADER_BYTES
            return
        position += OGG_PAGE_HEADER_BYTES + header[26]
        position += sum(data[position - header[26] : position])
        yield header[5], header[14:18], position


def _is_chained_ogg(data: bytes) -> bool:
    """Whether streams follow each other; libsndfile would stop after the first."""
    has_content = False
    for flags, _, _ in _ogg_pages(data):
        if has_content and flags & OGG_FIRST_PAGE:
            return True
        has_content |= not flags & OGG_FIRST_PAGE
    return False


def _missing_of_ogg(data: bytes) -> int:
    return max(0, max((page_end - len(data) for _, _, page_end in _ogg_pages(data)), default=0))


def _missing_of_mp3(data: bytes) -> int:
    sizes = xing_sizes(data)
    missing = _id3v2_end(data) + sizes[1] - len(data) if sizes else 0
    return missing if missing > ID3V1_BYTES else 0


def _missing_of_mp4(data: bytes) -> int:
    position, has_movie = 0, False
    while position < len(data):
        header = data[position : position + 16]
        name = header[4:8]
        if len(name) == 4 and name not in MP4_BOXES:
            break  # bytes that some programs append
        has_movie |= name == b"moov"
        size = int.from_bytes(header[:4], "big")
        if size == 0 and len(name) == 4:  # the last box, up to the end
            break
        if size == 1:
            size = int.from_bytes(header[8:16], "big") if len(header) == 16 else 16
        if position + max(size, 8) > len(data):
            return position + max(size, 8) - len(data)
        position += max(size, 8)
    return 0 if has_movie else 8


def _missing_of_matroska(data: bytes) -> int:
    position = len(EBML_ID)
    header_size, position = _ebml_size(data, position)
    position += header_size or 0
    if data[position : position + 4] != SEGMENT_ID:
        return max(0, position + len(SEGMENT_ID) - len(data))
    segment_size, position = _ebml_size(data, position + len(SEGMENT_ID))
    return 0 if segment_size is None else max(0, position + segment_size - len(data))


def _ebml_size(data: bytes, position: int) -> tuple[int | None, int]:
    """Returns a variable-length size (RFC 8794, section 4; None = unknown) and where it ends."""
    first = data[position] if position < len(data) else 0
    n_bytes = 9 - first.bit_length()
    bits = 7 * n_bytes
    size = int.from_bytes(data[position : position + n_bytes], "big") & (1 << bits) - 1
    return None if size == (1 << bits) - 1 else size, position + n_bytes
