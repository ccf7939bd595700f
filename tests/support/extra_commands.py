"""The commands that need an extra, and the line that each ends with where it is missing."""

from pathlib import Path

ITEMS = str(Path(__file__).parents[1] / "beam_jobs" / "sample_corpus" / "tweets.csv")
TRAIN = ("keras", "librosa", "matplotlib", "pandas", "sklearn", "transformers")
KERAS = ("keras", "tensorflow")
GCP = ("google.cloud.dataflow", "google.cloud.storage")
MODULES = {*TRAIN, *KERAS, "nncf", *GCP}
"""What is missing where no extra is installed."""


def _line(needed_by: str, modules: tuple[str, ...], target: str, extra: str) -> str:
    return (
        f"mm-emor: {needed_by} needs packages that are not installed ({', '.join(modules)}): run "
        f"`make {target}` where mm-emor was cloned, or install mm-emor[{extra}]\n"
    )


ON_TENSORFLOW = _line("scoring on TensorFlow", KERAS, "install-train", "train")
ON_GPU = _line("--require-gpu", KERAS, "install-gpu", "gpu")
IN_CLOUD = _line("gs://", GCP, "install-gcp", "gcp")
ON_DATAFLOW = _line("DataflowRunner", GCP, "install-gcp", "gcp")
SCORE = ("score", "--items", ITEMS, "--out", "out")
DATA = ("--data-dir", ".")
COMMANDS = [
    (
        ("train", "default.toml", *DATA, "--out", "model"),
        _line("mm-emor train", TRAIN, "install-train", "train"),
    ),
    (
        ("evaluate", "--dataset", "emodb", *DATA),
        _line("mm-emor evaluate", TRAIN, "install-train", "train"),
    ),
    (
        ("reproduce", "--meld", ".", "--out", "results"),
        _line("mm-emor reproduce", TRAIN, "install-train", "train"),
    ),
    (
        ("export", "--model", "model", "--dataset", "manifest", *DATA),
        _line("mm-emor export", (*TRAIN, "nncf"), "install-train", "export"),
    ),
    ((*SCORE, "--engine", "tensorflow"), ON_TENSORFLOW),
    ((*SCORE, "--require-gpu"), ON_GPU),
    (("score", "--items", "gs://bucket/*.jsonl", "--out", "out"), IN_CLOUD),
    (("report", "--labels", "gs://bucket/run", "--out", "out"), IN_CLOUD),
    (("verify", "gs://bucket/run"), IN_CLOUD),
    ((*SCORE, "--", "--runner=DataflowRunner"), ON_DATAFLOW),
]
"""The words of each command, and what it says on stderr."""
