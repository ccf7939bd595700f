"""What a scoring job is asked to do, as `mm-emor score` is called."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from beam_jobs.items.counters import BATCH_SIZE_BOUNDS
from beam_jobs.reading.sources import AUTO
from model.errors import UserError
from model.scoring.engine import EngineName, Precision

MAX_BATCH_SIZE = BATCH_SIZE_BOUNDS[-1]


@dataclass(frozen=True)
class ScoringRequest:
    """The command line of `mm-emor score`, as values.

    Attributes:
        items: patterns of item files; `{date}` stands for the run's date.
        clips: patterns of clips whose name's stem is an item's id; `{date}` as in `items`.
        audio_roots: directories under which an item's `audio_uri` may lie.
        out: the output directory.
        model: the artifact: a directory, a `gs://` prefix, or `default`.
        run_date: the date that the run is for.
        if_done: what to do where the date is complete already.
        engine: what to run the model on: auto, tensorflow or onnx.
        precision: of TensorFlow: auto, float32 or bfloat16.
        require_gpu: whether to refuse a machine without a GPU.
        batch_size: items of one batch.
        max_bad_fraction: dead letters among all items, above which the run has failed.
        min_confidence: an item with a lower confidence is labelled uncertain; 0: none is.
        columns: (our field, their path) for each field that stands elsewhere.
        source: who wrote the records: auto, plain, or a network.
        keep: fields of the input that go into the labels.
        pseudonymise_authors: whether author ids become tokens, with the environment's key.
        redact_text: whether dead letters keep a text's length in place of the text.
        beam_flags: Beam's own flags.
        only_new: whether what a published run has read or labelled is left out.
        accelerator: the GPU that workers on other machines are to score on, in the runner's words.

    Raises:
        UserError: there is nothing to score, or a number is out of its range.
    """

    items: tuple[str, ...]
    clips: tuple[str, ...]
    audio_roots: tuple[str, ...]
    out: str
    model: str
    run_date: date
    if_done: Literal["skip", "replace"] = "replace"
    engine: str = "auto"
    precision: str = "auto"
    require_gpu: bool = False
    batch_size: int = 256
    max_bad_fraction: float = 0.5
    min_confidence: float = 0.0
    columns: tuple[tuple[str, str], ...] = ()
    pseudonymise_authors: bool = False
    redact_text: bool = False
    beam_flags: tuple[str, ...] = ()
    only_new: bool = False
    accelerator: str | None = None
    source: str = AUTO
    keep: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (self.items or self.clips):
            raise UserError("there is nothing to score: give --items, --clips or both")
        if not 1 <= self.batch_size <= MAX_BATCH_SIZE:
            raise UserError(
                f"--batch-size is {self.batch_size}; it lies within 1 and {MAX_BATCH_SIZE}"
            )
        if not 0 <= self.max_bad_fraction <= 1:
            raise UserError(
                f"--max-bad-fraction is {self.max_bad_fraction}; it lies within 0 and 1"
            )
        if not 0 <= self.min_confidence <= 1:
            raise UserError(f"--min-confidence is {self.min_confidence}; it lies within 0 and 1")
        for flag, value, known in (
            ("--engine", self.engine, EngineName),
            ("--precision", self.precision, Precision),
        ):
            if value not in list(known):
                raise UserError(f"{flag} is {value}; it is one of {', '.join(known)}")
        if self.only_new and self.if_done == "skip":
            raise UserError("--only-new adds to a complete date, which --if-done skip leaves alone")
