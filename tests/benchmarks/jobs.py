"""The sides of the comparisons of whole jobs, each in a process of its own.

In a side's folder lie `items/`, and `model/` where it is not the model in the package.
"""

import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from beam_jobs.items.elements import Item, Location, ScoredItem
from beam_jobs.scoring import prepared_job
from beam_jobs.scoring.label_rows import to_label_row
from beam_jobs.scoring.launch import score_corpus
from beam_jobs.scoring.request import ScoringRequest
from model.scoring.artifact import Artifact
from model.scoring.engine import choose_engine, start_engine
from model.scoring.processor import available_cores
from model.scoring.scorer import EmotionScorer
from schemas.labels import label_schema
from tests.benchmarks.measure import Comparison, Turns, Worker, alternate
from tests.benchmarks.scoring import BATCH_SIZE

DAY = date(2026, 11, 22)


def write_items(folder: Path, texts: Sequence[str], n_files: int = 1) -> None:
    """Writes JSON Lines, in files of like size."""
    folder.mkdir(parents=True)
    rows = [json.dumps({"item_id": str(row), "text": text}) for row, text in enumerate(texts)]
    for number in range(n_files):
        lines = "".join(f"{row}\n" for row in rows[number::n_files])
        (folder / f"items-{number:03d}.jsonl").write_text(lines, encoding="utf-8")


def request_for(folder: Path, model: str, *beam_flags: str) -> ScoringRequest:
    """Returns the job on the folder's items."""
    return ScoringRequest(
        items=(f"{folder}/items/*.jsonl",),
        clips=(),
        audio_roots=(),
        out=f"{folder}/out",
        model=model,
        run_date=DAY,
        engine="openvino",
        beam_flags=beam_flags,
    )


def run_job(folder: Path) -> None:
    """Runs the job, a turn each; the first loads the model."""
    turns = Turns()
    while True:
        turns.wait()
        turns.answer(score_corpus(request_for(folder, f"{folder}/model")).seconds)


def run_loop(folder: Path) -> None:
    """Reads, scores and writes without Beam, a turn each."""
    turns = Turns()
    artifact = Artifact.load(folder / "model")
    scorer = EmotionScorer(artifact, start_engine(artifact, choose_engine(artifact)))
    pool = ThreadPoolExecutor(available_cores())
    while True:
        turns.wait()
        scorer.forget_texts()
        rows = []
        for path in sorted((folder / "items").iterdir()):
            with path.open(encoding="utf-8") as lines:
                records = [json.loads(line) for line in lines]
            for start in range(0, len(records), BATCH_SIZE):
                batch = records[start : start + BATCH_SIZE]
                inputs = scorer.preprocess.batch([(each["text"], None) for each in batch], pool)
                for record, item, scores in zip(batch, inputs, scorer.score(inputs), strict=True):
                    scored = ScoredItem(
                        Item(record["item_id"], Location(str(path))),
                        scores,
                        item.n_tokens,
                        item.truncated,
                        item.clip_seconds,
                    )
                    rows.append(to_label_row(scored, scorer.emotions, scorer.model_version, ""))
        table = pa.Table.from_pylist(rows, label_schema(scorer.emotions))
        pq.write_table(table, folder / "loop.parquet", compression="zstd")
        turns.stop()
        turns.answer()


def run_once(folder: Path) -> None:
    """Runs the job on the model in the package, once; says how long, and its peak memory."""
    turns = Turns()
    turns.wait()
    seconds = score_corpus(request_for(folder, "default")).seconds
    turns.answer(seconds, peak_memory_mb())


def run_processes(folder: Path, n_workers: int) -> None:
    """Runs the job in worker processes of one thread each, a turn each."""
    turns = Turns()
    prepared_job._threads_of_a_worker = lambda _: 1
    flags = ("--direct_running_mode=multi_processing", f"--direct_num_workers={n_workers}")
    while True:
        turns.wait()
        turns.answer(score_corpus(request_for(folder, "default", *flags)).seconds)


def peak_memory_mb() -> float:
    """Returns the most memory that this process has had, in MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1000


def compare(
    what: str, folder: Path, sides: tuple[tuple[str, ...], tuple[str, ...]], n: int, runs: int
) -> Comparison:
    """Runs two sides in turn; the first turn of each is left out."""
    with ExitStack() as stack:
        ours, peer = (
            stack.enter_context(Worker((__name__, side[0], str(folder), *side[1:])))
            for side in sides
        )
        return Comparison("pipeline", what, *alternate(ours.run, peer.run, runs), n, "items/s")


def main() -> None:
    """Is one side; `Worker` starts it."""
    side, folder = sys.argv[1], Path(sys.argv[2])
    if side == "processes":
        run_processes(folder, int(sys.argv[3]))
    {"job": run_job, "loop": run_loop, "once": run_once}[side](folder)


if __name__ == "__main__":
    main()
