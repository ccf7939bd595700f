"""The items of a job's files, once the join has checked their rows."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace

import apache_beam as beam

from beam_jobs.items.counters import count_read
from beam_jobs.items.elements import DeadLetter, Item, Location
from beam_jobs.items.ok_dead import DEAD, OK, OkDead, tag_dead
from beam_jobs.items.paths import shown
from beam_jobs.items.privacy import PUBLIC, Privacy
from beam_jobs.joining.file_check import FileCheck, LoneClip
from beam_jobs.joining.index_items import is_same_file
from beam_jobs.reading.inputs import JobInputs, file_version, read_item_file
from beam_jobs.reading.records import refuse, to_json
from beam_jobs.reading.sources import AUTO
from beam_jobs.reading.text_format import PLAIN, TextFormat
from schemas.dead_letters import Reason, Stage


@dataclass
class ReadItems(beam.PTransform):
    """Reads every file once more, with what the join found out about its rows.

    Comes in: what `IndexItems` returns. Goes out: each `Item` that has a text or a clip; `clip` is
    the file of `--clips` that carries its id, and audio_uri is as its record has it. A clip whose
    id no record carries is an item of its own, which stands at the clip.

    Dead letters: a record or a rest of a file that cannot be read (the reasons of
    `beam_jobs.reading.item_files`); no_content; duplicate_id, for each record of an id but the
    first; two_clips, for the record that is kept if two clips carry its id, or one and its
    audio_uri names another, and for an id that two clips and no record carry.

    Of a record or a lone clip that a published run has labelled, nothing goes out.
    Authors are tokens in what goes out, and texts in no dead letter, where `privacy` says so.

    Nothing is shuffled after this step, so that what follows runs while a file is read. A file that
    cannot be opened, or that is not as it was when it was indexed, stops the job; so does a
    worker that lacks the key of the authors' tokens.
    """

    inputs: JobInputs
    privacy: Privacy = PUBLIC

    @beam.typehints.no_annotations
    def expand(self, checks: beam.PCollection[FileCheck | LoneClip]) -> OkDead:
        """Reads, and parts the items from the dead letters."""
        return OkDead.of(
            checks
            | "ReadFiles" >> beam.ParDo(ReadCheckedItems(self.inputs, self.privacy))
            | "PartDeadLetters" >> beam.Map(tag_dead).with_outputs(DEAD, main=OK)
        )


class ReadCheckedItems(beam.DoFn):
    """Checks once a worker that it can hide what is to be hidden, and reads."""

    def __init__(self, inputs: JobInputs, privacy: Privacy) -> None:
        # The list of files itself would go to each worker with every bundle.
        self._columns, self._audio_roots = inputs.columns, inputs.audio_roots
        self._source, self._keep = inputs.source, inputs.keep
        self._privacy = privacy
        self._text_format = inputs.text_format

    def setup(self) -> None:
        """Checks the key of the authors' tokens."""
        self._privacy.check()

    def process(self, check: FileCheck | LoneClip) -> Iterator[Item | DeadLetter]:
        """Yields what becomes of each record of a file, or of a lone clip."""
        outcomes = read_checked_items(
            check,
            self._columns,
            self._audio_roots,
            self._privacy,
            self._text_format,
            source=self._source,
            keep=self._keep,
        )
        n_read = 0
        for outcome in outcomes:
            n_read += 1
            yield outcome
        count_read(n_read)


def read_checked_items(
    check: FileCheck | LoneClip,
    columns: tuple[tuple[str, str], ...] = (),
    audio_roots: tuple[str, ...] = (),
    privacy: Privacy = PUBLIC,
    text_format: TextFormat = PLAIN,
    *,
    source: str = AUTO,
    keep: tuple[str, ...] = (),
) -> Iterator[Item | DeadLetter]:
    """Yields what becomes of each record of a file, or of a lone clip, that is not scored yet.

    Raises:
        RuntimeError: the file is not as it was when it was indexed, or changes while it is read.
            The check is of places in the file: on another file they would double items, or lose
            some, and give texts to others' ids.
    """
    if isinstance(check, LoneClip):
        if not check.already_scored:
            yield _item_of_clip(check)
        return
    _check_version(check)
    n_read = 0
    for outcome in read_item_file(
        check.file, columns, privacy, text_format, source=source, keep=keep
    ):
        n_read += 1
        if n_read > check.n_records:
            raise _changed(check, n_read)
        if not isinstance(outcome, Item):
            yield outcome
        elif (outcome.source.row, outcome.source.part) not in check.already_scored:
            yield apply_check(outcome, check, audio_roots, privacy)
    if n_read < check.n_records:
        raise _changed(check, n_read)
    _check_version(check)


def _check_version(check: FileCheck) -> None:
    if check.version is not None and file_version(check.file) != check.version:
        raise RuntimeError(
            f"{shown(check.file)} changed while the job ran: its size, time or place is another "
            "than when it was indexed; run the job again"
        )


def _changed(check: FileCheck, n_read: int) -> RuntimeError:
    return RuntimeError(
        f"{shown(check.file)} changed while the job ran: {check.n_records} records were indexed, "
        f"{n_read} read"
    )


def apply_check(
    item: Item,
    check: FileCheck,
    audio_roots: Sequence[str] = (),
    privacy: Privacy = PUBLIC,
) -> Item | DeadLetter:
    """Returns an item as the join leaves it: as it is, with its clip, or refused."""
    key = item.source.row, item.source.part
    if key in check.duplicates:
        message = f"the id stands earlier, at {check.duplicates[key]}, which is kept"
        return DeadLetter.of_item(Stage.JOIN, Reason.DUPLICATE_ID, message, item, privacy)
    clips = check.clips.get(key, ())
    if clips:
        return _join_clips(item, clips, audio_roots, privacy)
    if item.text is None and item.audio_uri is None:
        fields = {name: value for name, value in asdict(item).items() if value and name != "source"}
        message = "there is no text, no audio_uri, and no clip that carries the id"
        raw, rest = to_json(fields), privacy.without_authors()  # a token by now
        return refuse(Reason.NO_CONTENT, message, item.source, raw, item.item_id, rest)
    return item


def _join_clips(
    item: Item, clips: Sequence[str], audio_roots: Sequence[str], privacy: Privacy
) -> Item | DeadLetter:
    if len(clips) > 1:
        return DeadLetter.of_item(Stage.JOIN, Reason.TWO_CLIPS, _two_clips(clips), item, privacy)
    if item.audio_uri and not is_same_file(item.audio_uri, clips[0], audio_roots):
        message = f"audio_uri is {item.audio_uri}, and the clip {shown(clips[0])} carries the id"
        return DeadLetter.of_item(Stage.JOIN, Reason.TWO_CLIPS, message, item, privacy)
    return replace(item, clip=clips[0])


def _item_of_clip(lone: LoneClip) -> Item | DeadLetter:
    item = Item(lone.item_id, Location(lone.clips[0]), clip=lone.clips[0])
    if len(lone.clips) == 1:
        return item
    letter = DeadLetter.of_item(Stage.JOIN, Reason.TWO_CLIPS, _two_clips(lone.clips), item)
    return replace(letter, payload="\n".join(map(shown, lone.clips)))


def _two_clips(clips: Sequence[str]) -> str:
    return f"{len(clips)} clips carry the id, among them {shown(clips[0])} and {shown(clips[1])}"
