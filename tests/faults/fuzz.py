"""Spoils clips and lines at random, and counts what the job makes of each.

    python -m tests.faults.fuzz --clips 20000 --lines 20000 --seed 1
    python -m tests.faults.fuzz --seed 1 --only clips:1234     one case again, in this process

A clip is one of every format that tests can make. A line (or a small file, for the formats that
are no lines) is one of the sample corpus, or holds posts as a network's programs write them. Each
goes through the functions that the job calls. What is no model input and no dead letter is a
failure: another exception, the death of the process, or a case that takes longer than the limit. A
process of its own works, so that its death is seen.
"""

import argparse
import bz2
import codecs
import csv
import gzip
import io
import lzma
import multiprocessing
import os
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from backports import zstd

from beam_jobs.items.elements import DeadLetter, Item
from beam_jobs.reading.item_files import read_records
from beam_jobs.reading.text_format import UTF16_MARKS
from beam_jobs.runs.sorted_parquet import to_dead_letter_row, to_record_batch
from beam_jobs.scoring.preprocess import preprocess_batch
from model.errors import ItemError
from model.preprocessing.emotion_preprocessor import EmotionPreprocessor
from model.scoring.artifact import Artifact
from schemas.dead_letters import DEAD_LETTER_SCHEMA, Reason
from tests.faults.jobs import CORPUS
from tests.faults.mutations import mutate
from tests.faults.posts import Spoilt, network_originals
from tests.support.clips import FORMATS, encode, speech_like

OUTCOMES = ("good", "nothing", *Reason)
"""`nothing`: an empty line, which holds no item."""
LIMIT_SECONDS = 60.0
"""For one case; the slowest of 20,000 takes well under one, unless other programs hold it up."""
KINDS = ("clips", "lines")


@dataclass(frozen=True)
class Originals:
    """What is spoilt.

    Attributes:
        clips: whole files.
        lines: files of items, and lines of them.
    """

    clips: tuple[bytes, ...]
    lines: tuple[Spoilt, ...]


def originals() -> Originals:
    """Returns short clips of every format, the sample corpus' lines, and each network's posts."""
    clips = [
        encode(speech_like(seconds, rate_hz), rate_hz, format_)
        for format_ in FORMATS
        for seconds, rate_hz in ((0.3, 16_000), (0.1, 48_000))
    ]
    clips += [path.read_bytes() for path in sorted((CORPUS / "clips").iterdir())[:4]]
    header, *rows = (CORPUS / "tweets.csv").read_bytes().splitlines(keepends=True)
    v11 = gzip.decompress((CORPUS / "tweets_v11.jsonl.gz").read_bytes()).splitlines(keepends=True)
    pages = (CORPUS / "tweets_v2.jsonl").read_bytes().splitlines(keepends=True)
    table = pq.read_table(CORPUS / "tweets.parquet").slice(0, 5)
    parquets = []
    for compression in ("none", "snappy", "zstd"):
        sink = io.BytesIO()
        pq.write_table(table, sink, compression=compression)
        parquets.append(sink.getvalue())
    lines = (CORPUS / "tweets.jsonl").read_bytes().splitlines(keepends=True)
    tabs = io.StringIO()
    csv.writer(tabs, "excel-tab").writerows(csv.reader([row.decode() for row in rows[:20]]))
    return Originals(
        tuple(clips),
        (
            ("t.jsonl", b"", tuple(line for line in lines if line.strip())),
            ("t.jsonl", b"", tuple(pages)),
            ("t.jsonl", b"", tuple(v11)),
            ("t.json", b"", tuple(pages)),
            ("t.csv", header, tuple(rows)),
            ("t.tsv", header.replace(b",", b"\t"), tuple(tabs.getvalue().encode().splitlines())),
            ("t.tsv", header.replace(b",", b"\t"), tuple(rows[:20])),
            ("t.csv", codecs.BOM_UTF16_LE, (_to_utf16(header, rows[:20]),)),
            ("t.jsonl.gz", b"", tuple(gzip.compress(line) for line in v11[:20])),
            ("t.jsonl", b"", tuple(gzip.compress(line) for line in v11[:20])),
            ("t.jsonl.zst", b"", tuple(zstd.compress(line) for line in v11[:20])),
            ("t.jsonl.bz2", b"", tuple(bz2.compress(line) for line in v11[:20])),
            ("t.jsonl.xz", b"", tuple(lzma.compress(line) for line in v11[:20])),
            ("t.parquet", b"", tuple(parquets)),
            *network_originals(),
        ),
    )


def _packed(data: bytes) -> bool:
    """Says whether the bytes may be those of a file that is compressed, or empty in UTF-16."""
    return data.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd", *UTF16_MARKS))


def _to_utf16(header: bytes, rows: Sequence[bytes]) -> bytes:
    return b"".join([header, *rows]).decode().encode("utf-16-le")


@dataclass
class Fuzzer:
    """Makes case after case, and says what became of each; the same for the same seed.

    Attributes:
        preprocessor: the artifact's.
        seed: with a case's kind and number, decides it.
    """

    preprocessor: EmotionPreprocessor
    seed: int
    originals: Originals = field(default_factory=originals)

    def outcomes(self, kind: str, number: int) -> list[str]:
        """Returns what became of a case: a word of OUTCOMES for each item in it.

        Raises:
            Exception: whatever the job would have died of.
        """
        draw = random.Random(f"{self.seed} {kind} {number}")
        if kind == "clips":
            return [self._hear(self.clip(draw))]
        return self._read(*self.line(draw))

    def clip(self, draw: random.Random) -> bytes:
        """Returns a spoilt clip."""
        return mutate(draw.choice(self.originals.clips), self.originals.clips, draw)

    def line(self, draw: random.Random) -> tuple[str, bytes]:
        """Returns the name of a file of items, and its bytes with one line, which is spoilt."""
        name, header, lines = draw.choice(self.originals.lines)
        is_text = not name.endswith((".gz", ".zst", ".bz2", ".xz", ".parquet"))
        return name, header + mutate(draw.choice(lines), lines, draw, is_text=is_text)

    def _hear(self, clip: bytes) -> str:
        [outcome] = self.preprocessor.batch([(None, lambda: clip)])
        return str(outcome.reason) if isinstance(outcome, ItemError) else "good"

    def _read(self, name: str, data: bytes) -> list[str]:
        outcomes: list[str] = []
        for record in read_records(io.BytesIO(data), name):
            outcome: Any = record
            if isinstance(record, Item) and (record.text is not None or record.audio_uri):
                [outcome] = preprocess_batch([record], self.preprocessor, (str(CORPUS),))
            if isinstance(outcome, DeadLetter):
                row = to_dead_letter_row(outcome, "0" * 16)
                to_record_batch([row], DEAD_LETTER_SCHEMA)
            outcomes.append(str(outcome.reason) if isinstance(outcome, DeadLetter) else "good")
        if (
            not outcomes
            and data.strip()
            and name.endswith((".jsonl", ".json", ".js"))
            and not _packed(data)
        ):
            raise AssertionError(f"{data[:200]!r} is neither an item nor a dead letter")
        return outcomes or ["nothing"]


@dataclass
class Report:
    """What became of all cases of a kind.

    Attributes:
        counts: cases' items by outcome.
        failures: (number, what happened), a sentence each.
    """

    n_cases: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)
    slowest_seconds: float = 0.0
    peak_bytes: int = 0


def _work(
    model: str, seed: int, kind: str, first: int, stop: int, shared: Any, counts: Any, failures: Any
) -> None:
    """Runs cases in a process of its own; what is told in shared memory outlives its death."""
    fuzzer = Fuzzer(Artifact.load(model).preprocessor(), seed)
    for number in range(first, stop):
        shared[0] = number
        started = time.thread_time()
        try:
            for outcome in fuzzer.outcomes(kind, number):
                counts[OUTCOMES.index(outcome)] += 1
        except Exception as error:
            failures.put((number, f"{type(error).__name__}: {str(error)[:300]}"))
        shared[1] = max(shared[1], time.thread_time() - started)
        shared[2] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    shared[0] = stop


def fuzz(
    model: str, seed: int, kind: str, n_cases: int, limit_seconds: float = LIMIT_SECONDS
) -> Report:
    """Runs the cases 0 to `n_cases` of a kind, and starts again behind one that kills or hangs."""
    context = multiprocessing.get_context("spawn")
    shared, counts = context.Array("d", 3, lock=False), context.Array("q", len(OUTCOMES))
    failures = context.SimpleQueue()
    report = Report(n_cases)
    first = 0
    while first < n_cases:
        shared[0] = -1.0
        process = context.Process(
            target=_work, args=(model, seed, kind, first, n_cases, shared, counts, failures)
        )
        process.start()
        told = _wait(process, lambda: int(shared[0]), limit_seconds)
        while not failures.empty():
            report.failures.append(failures.get())
        if not told:
            break
        number = int(shared[0])
        if number < 0:
            raise RuntimeError(f"the process {told} before the first case")
        report.failures.append((number, f"the process {told}"))
        first = number + 1
    report.counts = Counter({name: n for name, n in zip(OUTCOMES, counts, strict=True) if n})
    report.slowest_seconds, report.peak_bytes = shared[1], int(shared[2])
    return report


def _wait(process: Any, progress: Callable[[], int], limit_seconds: float) -> str:
    """Waits for a process to end; returns how it failed, or an empty string."""
    number, since = progress(), time.monotonic()
    while process.is_alive():
        process.join(0.5)
        if progress() != number or number < 0:
            number, since = progress(), time.monotonic()
        elif time.monotonic() - since > limit_seconds and process.is_alive():
            process.kill()
            process.join()
            return f"was killed after {limit_seconds:g} s in one case"
    return "" if process.exitcode == 0 else f"died with exit code {process.exitcode}"


def _lines(kind: str, report: Report) -> Iterator[str]:
    counts = ", ".join(f"{name} {n:,}" for name, n in report.counts.most_common())
    yield f"{report.n_cases:,} {kind}: {len(report.failures)} failures; {counts}"
    yield (
        f"  the slowest took {report.slowest_seconds:.2f} s of processor time; "
        f"{report.peak_bytes / 2**20:.0f} MiB at the peak"
    )
    for number, what in report.failures:
        yield f"  {kind}:{number} {what}"


def main() -> None:
    """Runs all cases, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=20_000)
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", default="default")
    parser.add_argument("--only", metavar="KIND:NUMBER", help="run one case in this process")
    parser.add_argument("--save", type=Path, metavar="FILE", help="with --only: write its bytes")
    arguments = parser.parse_args()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if arguments.only:
        kind, _, number = arguments.only.partition(":")
        fuzzer = Fuzzer(Artifact.load(arguments.model).preprocessor(), arguments.seed)
        if arguments.save:
            draw = random.Random(f"{arguments.seed} {kind} {number}")
            data = fuzzer.clip(draw) if kind == "clips" else fuzzer.line(draw)[1]
            arguments.save.write_bytes(data)
        print(fuzzer.outcomes(kind, int(number)))
        return
    n_failures = 0
    for kind in KINDS:
        report = fuzz(arguments.model, arguments.seed, kind, getattr(arguments, kind))
        print("\n".join(_lines(kind, report)), flush=True)
        n_failures += len(report.failures)
    sys.exit(1 if n_failures else 0)


if __name__ == "__main__":
    main()
