"""How soon the command answers: `make bench SUITE=start`. It has no peer but the limits."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.benchmarks.measure import machine_lines, suite_arguments

HELP_SECONDS, SCORE_SECONDS = 1.0, 8.0
"""To reach."""


def seconds_of(*arguments: str) -> float:
    """Returns how long `mm-emor` takes with these arguments."""
    start = time.perf_counter()
    subprocess.run(
        [Path(sys.executable).with_name("mm-emor"), *arguments], check=True, capture_output=True
    )
    return time.perf_counter() - start


def main() -> int:
    """Measures both commands in turn."""
    arguments = suite_arguments(__doc__).parse_args()
    for line in machine_lines(("apache-beam", "openvino", "typer")):
        print(line, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        item = Path(folder, "one.jsonl")
        item.write_text('{"item_id": "1", "text": "what a day"}\n', encoding="utf-8")
        commands = {
            "mm-emor --help": (("--help",), HELP_SECONDS),
            "mm-emor score, one item, default model": (
                ("score", "--items", str(item), "--out", f"{folder}/out"),
                SCORE_SECONDS,
            ),
        }
        seconds: dict[str, list[float]] = {what: [] for what in commands}
        for number in range(arguments.runs + 1):
            for what, (command, _) in commands.items():
                taken = seconds_of(*command)
                if number:  # the first reads the libraries from the disk
                    seconds[what].append(taken)
    rows = []
    for what, (_, limit) in commands.items():
        runs = " ".join(f"{each:.2f}" for each in seconds[what])
        print(f"{what}: {median(seconds[what]):.2f} s, median of {runs} (to reach: {limit:g} s)")
        rows.append(
            {
                "suite": "start",
                "what": what,
                "ours": round(median(seconds[what]), 3),
                "peer": limit,
                "unit": "s",
                "ratio": round(median(seconds[what]) / limit, 3),
                "runs": arguments.runs,
            }
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
