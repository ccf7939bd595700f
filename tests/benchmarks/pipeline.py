"""The whole job: `make bench SUITE=pipeline`.

1. RoBERTa-base's size, tweets: the job's pipeline, start-up left out, beside the scorer called in a
   bare loop that also writes Parquet, both in int8.
2. The model in the package, many texts beside few: peak memory and time an item.
3. The model in the package, one worker process beside two, a thread each.
"""

import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.benchmarks.base_model import read_tweets, save_checkpoint, save_model
from tests.benchmarks.jobs import compare, write_items
from tests.benchmarks.measure import (
    Comparison,
    Worker,
    machine_lines,
    suite_arguments,
    write_json,
)

N_TWEETS = 5000
FEW, MANY = 10_000, 100_000
N_SHARED = 20_000
"""Texts that one process, or two, score: so many that the start of a process counts for little."""
N_FILES = 8


def compare_sizes(folder: Path, few: int, many: int, runs: int) -> tuple[Comparison, list[float]]:
    """Returns the seconds of many items beside few, scaled to as many, and both peaks."""
    seconds: dict[int, list[float]] = {few: [], many: []}
    peaks: dict[int, list[float]] = {few: [], many: []}
    for n_items in (few, many):
        write_items(folder / str(n_items) / "items", read_tweets(n_items))
    for _ in range(runs):
        for n_items in (few, many):
            command = ("tests.benchmarks.jobs", "once", str(folder / str(n_items)))
            with Worker(command) as worker:  # its first turn is its only one
                seconds[n_items].append(worker.last_seconds)
                peaks[n_items] += worker.last_extras
    what = f"{many} texts beside {few}, scaled to as many, default model"
    scaled = tuple(each * many / few for each in seconds[few])
    return (
        Comparison("pipeline", what, tuple(seconds[many]), scaled, many, "items/s"),
        [median(peaks[few]), median(peaks[many])],
    )


def main() -> int:
    """Compares all three."""
    parser = suite_arguments(__doc__)
    parser.add_argument("--tweets", type=int, default=N_TWEETS, help=f"{N_TWEETS} by default")
    parser.add_argument("--many", type=int, default=MANY, help=f"{MANY} by default")
    arguments = parser.parse_args()
    for line in machine_lines(("apache-beam", "openvino", "pyarrow", "tokenizers")):
        print(line, flush=True)
    comparisons = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        tweets = read_tweets(arguments.tweets)
        write_items(folder / "items", tweets)
        save_model(folder / "model", save_checkpoint(folder), tweets, audio=False)
        what = f"the job on {len(tweets)} tweets, RoBERTa-base's size, beside a bare loop"
        n = len(tweets)
        comparisons.append(compare(what, folder, (("job",), ("loop",)), n, arguments.runs))
        print(*comparisons[-1].lines(), "  to reach: 1.10 times its time", sep="\n", flush=True)

        sizes, peaks = compare_sizes(folder / "sizes", FEW, arguments.many, arguments.runs)
        comparisons.append(sizes)
        print(*sizes.lines(), "  to reach: 1.05 times its time", sep="\n")
        print(f"  peak memory {peaks[1]:.0f} MB beside {peaks[0]:.0f} MB: ", end="")
        print(f"{peaks[1] / peaks[0]:.2f} times (to reach: 1.2)", flush=True)

        write_items(folder / "processes" / "items", read_tweets(N_SHARED), N_FILES)
        what = f"two worker processes beside one, a thread each, {N_SHARED} texts, default model"
        workers = (("processes", "2"), ("processes", "1"))
        comparisons.append(compare(what, folder / "processes", workers, N_SHARED, arguments.runs))
        print(*comparisons[-1].lines(), "  to reach: 1.6 times its items/s", sep="\n", flush=True)
    if arguments.json:
        write_json(comparisons, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
