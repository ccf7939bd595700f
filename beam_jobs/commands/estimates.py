"""How many items files hold, and how fast they are scored: estimates, before a job runs."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions, WorkerOptions

from beam_jobs.items.elements import Item
from beam_jobs.items.paths import InputFile, to_name
from beam_jobs.reading.item_files import PARQUET_SUFFIX, read_records
from beam_jobs.reading.sources import AUTO
from beam_jobs.reading.text_format import PLAIN, TextFormat
from model.config import ClassifierConfig
from model.scoring.engine import EngineChoice

SAMPLE_BYTES = 2**20
"""Bytes at the start of the largest file of each format, from which its items are estimated."""
LARGE_HIDDEN_SIZE = 768
TIME_OVER_MEASURED = {
    ("openvino", "int8"): 0.79,
    ("openvino", "bfloat16"): 0.81,
    ("openvino", "float32"): 2.35,
    ("tensorflow", "bfloat16"): 1.55,
    ("tensorflow", "float32"): 2.9,
}
"""Time on an engine, in a precision, over that of the measured rates, which ONNX Runtime gave in
int8 on the machine of docs/benchmarks.md. Of OpenVINO 1.17, 1.21 and 3.5 ms a tweet over 1.49, with
the default model; of TensorFlow 0.62 s and 1.16 s over 0.40 s for 32 x 32 tokens at RoBERTa-base's
size.
"""


@dataclass(frozen=True)
class MeasuredRate:
    """How fast a model scores in int8, as docs/benchmarks.md has it, and a test compares.

    Attributes:
        model: which.
        texts_per_second: the whole job on texts, on two cores.
        clip_ms: what a clip adds, of one core.
    """

    model: str
    texts_per_second: float
    clip_ms: float

    def __str__(self) -> str:
        return (
            f"{self.model} ({self.texts_per_second:g} texts/s on 2 cores; "
            f"a clip adds {self.clip_ms:g} ms)"
        )

    @property
    def texts_per_core_second(self) -> float:
        """Texts a second, of one core."""
        return self.texts_per_second / 2


SMALL_MODEL = MeasuredRate("the default model", 744, 1.3)
LARGE_MODEL = MeasuredRate("a model of RoBERTa-base's size", 223, 12.1)


def measured_rate(
    config: ClassifierConfig, choice: EngineChoice
) -> tuple[MeasuredRate | None, str]:
    """Returns the rate that was measured on the most similar model, and which one that is."""
    if choice.device == "gpu":
        return None, "no rate was measured on a GPU"
    large = config.encoder is not None and config.encoder.hidden_size >= LARGE_HIDDEN_SIZE
    rate = LARGE_MODEL if large else SMALL_MODEL
    times = TIME_OVER_MEASURED[choice.name, choice.precision]
    return rate, (
        f"measured on a Xeon with AMX on {rate}, before OpenVINO; {choice} takes {times:g} times "
        "as long"
    )


def worker_cores(options: PipelineOptions) -> int | None:
    """Returns the cores of all workers, where the flags say how many; None where they do not.

    >>> flags = ["--max_num_workers=4", "--machine_type=n1-standard-8"]
    >>> worker_cores(PipelineOptions(flags)), worker_cores(PipelineOptions(flags[:1]))
    (32, None)
    """
    workers = options.view_as(WorkerOptions)
    n_workers = workers.max_num_workers or workers.num_workers
    cores = re.search(r"-(\d+)$", workers.machine_type or "")
    return n_workers * int(cores[1]) if n_workers and cores else None


def estimate_items(
    files: Sequence[InputFile],
    columns: tuple[tuple[str, str], ...],
    text_format: TextFormat = PLAIN,
    record_source: str = AUTO,
) -> tuple[int | None, int | None]:
    """Returns about how many items files hold, and how many of them name a clip.

    The first MiB of the largest file of each format stands for all of that format; of Parquet, its
    number of rows. None where a sample shows no item.
    """
    largest: dict[str, InputFile] = {}
    n_bytes: dict[str, int] = {}
    for file in files:
        kind = "".join(re.findall(r"\.[a-z]+", file.path.lower())[-2:])
        n_bytes[kind] = n_bytes.get(kind, 0) + file.size_bytes
        if kind not in largest or file.size_bytes > largest[kind].size_bytes:
            largest[kind] = file
    n_items = n_clips = 0.0
    for kind, file in largest.items():
        if file.size_bytes == 0:
            continue
        n_found, n_named, n_sampled = _sample(file, columns, text_format, record_source)
        if not n_found:
            return None, None
        n_items += n_bytes[kind] * n_found / n_sampled
        n_clips += n_bytes[kind] * n_named / n_sampled
    return round(n_items), round(n_clips)


def _sample(
    file: InputFile,
    columns: tuple[tuple[str, str], ...],
    text_format: TextFormat,
    record_source: str,
) -> tuple[int, int, int]:
    """Returns how many items, and how many with a clip, so many bytes of a file hold."""
    with FileSystems.open(
        to_name(file.path), compression_type=CompressionTypes.UNCOMPRESSED
    ) as source:
        if file.path.lower().endswith(PARQUET_SUFFIX):
            try:
                return pq.ParquetFile(source).metadata.num_rows, 0, file.size_bytes
            except pa.ArrowInvalid:
                return 0, 0, file.size_bytes
        head = source.read(SAMPLE_BYTES)
    records = list(
        read_records(
            io.BytesIO(head),
            file.path,
            columns,
            text_format=text_format,
            source=record_source,
        )
    )
    if len(head) < file.size_bytes:
        records = records[:-1]  # cut
    n_named = sum(isinstance(record, Item) and record.audio_uri is not None for record in records)
    return len(records), n_named, len(head)
