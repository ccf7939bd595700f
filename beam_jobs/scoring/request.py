"""What a scoring job is asked to do, as `mm-emor score` is called."""

from datetime import date
from typing import Annotated

from pydantic import Field

from beam_jobs.items.job_defaults import BATCH_SIZE, MAX_BAD_FRACTION, MAX_BATCH_SIZE
from beam_jobs.reading.source_name import SourceName
from beam_jobs.reading.text_format import PLAIN, TextFormat
from beam_jobs.runs.if_done import IfDone
from model.config import Share
from model.errors import UserError
from model.flag_checks import flags_dataclass
from model.scoring.engine import EngineName, Precision


@flags_dataclass
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
        engine: what to run the model on: auto, openvino or tensorflow.
        precision: of the text encoder: auto, int8, bfloat16 or float32.
        require_gpu: whether to refuse a machine without a GPU.
        batch_size: items of one batch.
        max_bad_fraction: dead letters among all items, above which the run has failed.
        min_confidence: an item with a lower confidence is labelled uncertain; 0: none is.
        emotions: those to choose from, where the items are known to have no others; all of the
            model's where empty.
        columns: (our field, their path) for each field that stands elsewhere.
        text_format: how files of text are written, where their bytes do not say so.
        source: who wrote the records: auto, plain, or a network.
        keep: fields of the input that go into the labels.
        pseudonymise_authors: whether author ids become tokens, with the environment's key.
        redact_text: whether dead letters keep a text's length in place of the text.
        beam_flags: Beam's own flags.
        only_new: whether what a published run has read or labelled is left out.
        accelerator: the GPU that workers on other machines are to score on, in the runner's words.

    Raises:
        UserError: there is nothing to score, or a value is out of its range.
    """

    items: tuple[str, ...]
    clips: tuple[str, ...]
    audio_roots: tuple[str, ...]
    out: str
    model: str
    run_date: date
    if_done: IfDone = IfDone.REPLACE
    engine: EngineName = EngineName.AUTO
    precision: Precision = Precision.AUTO
    require_gpu: bool = False
    batch_size: Annotated[int, Field(ge=1, le=MAX_BATCH_SIZE)] = BATCH_SIZE
    max_bad_fraction: Share = MAX_BAD_FRACTION
    min_confidence: Share = 0.0
    emotions: tuple[str, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    pseudonymise_authors: bool = False
    redact_text: bool = False
    beam_flags: tuple[str, ...] = ()
    only_new: bool = False
    accelerator: str | None = None
    text_format: TextFormat = PLAIN
    source: SourceName = SourceName.AUTO
    keep: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not (self.items or self.clips):
            raise UserError("there is nothing to score: give --items, --clips or both")
        if self.only_new and self.if_done == IfDone.SKIP:
            raise UserError("--only-new adds to a complete date, which --if-done skip leaves alone")
