"""How often the language of a short text is told right: `make bench SUITE=languages`.

On the texts under 140 characters of BRIGHTER's test split (Muhammad et al. 2025), with
MM_EMOR_DATA. It has no peer: other libraries were tried on the training split, once.
"""

import csv
import os
import sys
import time
from collections import Counter
from pathlib import Path

from model.preprocessing.language_detector import detect_language
from tests.benchmarks.measure import machine_lines, suite_arguments

MAX_CHARACTERS = 140
CODES = {
    "afr": "af",
    "amh": "am",
    "arq": "ar",
    "ary": "ar",
    "chn": "zh",
    "deu": "de",
    "eng": "en",
    "esp": "es",
    "hau": "ha",
    "hin": "hi",
    "ibo": "ig",
    "kin": "rw",
    "mar": "mr",
    "orm": "om",
    "pcm": "pcm",
    "ptbr": "pt",
    "ptmz": "pt",
    "ron": "ro",
    "rus": "ru",
    "som": "so",
    "sun": "su",
    "swa": "sw",
    "swe": "sv",
    "tat": "tt",
    "tir": "ti",
    "ukr": "uk",
    "vmw": "vmw",
    "yor": "yo",
}
"""The detector's code of each of BRIGHTER's; those of Arabic's spoken forms are Arabic's."""


def short_texts(file: Path) -> list[str]:
    """Returns the texts of a file of BRIGHTER that are short enough to be hard."""
    with file.open(encoding="utf-8", newline="") as rows:
        return [row["text"] for row in csv.DictReader(rows) if len(row["text"]) < MAX_CHARACTERS]


def main() -> int:
    """Prints how many texts of each language are told, and how many of these right."""
    suite_arguments(__doc__ or "").parse_args()
    if "MM_EMOR_DATA" not in os.environ:
        print("MM_EMOR_DATA names no directory of real data", file=sys.stderr)
        return 1
    for line in machine_lines(("py3langid",)):
        print(line, flush=True)
    n_texts, n_told, n_right, seconds = 0, 0, 0, 0.0
    detect_language("The first text has the model loaded.")
    print(f"{'':8} {'texts':>6} {'told':>6} {'right':>6} {'of told':>8}  the most frequent other")
    for file in sorted(Path(os.environ["MM_EMOR_DATA"], "brighter/track_a/test").glob("*.csv")):
        texts, code = short_texts(file), CODES[file.stem]
        started = time.process_time()
        found = Counter(map(detect_language, texts))
        seconds += time.process_time() - started
        told, right = len(texts) - found[None], found[code]
        n_texts, n_told, n_right = n_texts + len(texts), n_told + told, n_right + right
        others = Counter({name: n for name, n in found.items() if name not in (None, code)})
        other = ", ".join(f"{name} {n}" for name, n in others.most_common(1))
        share, of_told = right / max(len(texts), 1), right / max(told, 1)
        print(f"{file.stem:8} {len(texts):6,} {told:6,} {share:6.1%} {of_told:8.1%}  {other}")
    share, of_told = n_right / n_texts, n_right / n_told
    print(f"{'all':8} {n_texts:6,} {n_told:6,} {share:6.1%} {of_told:8.1%}")
    print(f"{seconds / n_texts * 1e6:.0f} µs of processor time a text")
    return 0


if __name__ == "__main__":
    sys.exit(main())
