"""Where the records of one file have their fields: its source's paths, and the user's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from beam_jobs.items.privacy import PUBLIC, Privacy
from beam_jobs.reading.envelopes import ENVELOPE_KEYS
from beam_jobs.reading.json_values import parse_literal
from beam_jobs.reading.key_paths import KeyPath, Record, descend, parse_path, plain_value
from beam_jobs.reading.sources import AUTO, DEFAULT, FIELDS, PLAIN, SOURCES, Source, source_of

MAX_SHAPES = 4_096
"""Sets of keys whose shapes are remembered; programs write few of them."""
MAX_CELL_CHARACTERS = 1_000_000
"""Of a cell that holds an object or a list as text."""


@dataclass(frozen=True)
class Shape:
    """Where the records with certain keys have their fields.

    Attributes:
        source: whose records they are.
        paths: of each field, those that the keys leave open.
        only: of each field that has one open path, of one step, that key.
        originals: of the post that one repeats, as `paths`.
        repost_of: of its id alone.
        is_wrapped: whether they may lie in an envelope.
    """

    source: Source
    paths: Mapping[str, tuple[KeyPath, ...]]
    only: Mapping[str, str]
    originals: tuple[KeyPath, ...]
    repost_of: tuple[KeyPath, ...]
    is_wrapped: bool


class Post(NamedTuple):
    """A record beside its shape; no dataclass, as one is made for each record."""

    record: Record
    shape: Shape
    layout: "RecordLayout"

    @property
    def source(self) -> Source:
        """The source of the record."""
        return self.shape.source

    def find(self, name: str) -> Any:
        """Returns the field's first value that is there; an empty string if there is no other."""
        key = self.shape.only.get(name)
        if key is not None:
            value = self.record[key]
            return plain_value(value) if type(value) is dict else value
        empty = None
        for path in self.shape.paths[name]:
            value = self.at(path)
            if value == "":
                empty = value
            elif value is not None:
                return value
        return empty

    def at(self, path: KeyPath) -> Any:
        """Returns what stands at a path; None where it leads nowhere."""
        value = self.record.get(path[0])
        if value is None or (len(path) == 1 and type(value) is not dict):
            return value
        return descend(value, path[1:])


@dataclass(frozen=True)
class RecordLayout:
    """Where the records of one file have their fields.

    Attributes:
        columns: (our field, their path) for each field that `--column` renames.
        found: the file's column names, where it has them; None for JSON.
        privacy: what messages and dead letters may not show.
        source: the `--source`: auto, plain, or a network.
        keep: paths of the fields that are carried into the labels.
    """

    columns: tuple[tuple[str, str], ...] = ()
    found: tuple[str, ...] | None = None
    privacy: Privacy = PUBLIC
    source: str = AUTO
    keep: tuple[str, ...] = ()

    @cached_property
    def renamed(self) -> Mapping[str, tuple[KeyPath, ...]]:
        """The paths of renamed fields: the whole name first, as a column may have dots in it."""
        return {ours: column_paths(theirs) for ours, theirs in self.columns}

    @cached_property
    def key_paths(self) -> Mapping[str, tuple[KeyPath, ...]]:
        """Where each field is looked for in a file with these columns."""
        source = self.source_of(self.found or ())
        return {name: self.paths(name, source) for name in FIELDS}

    def paths(self, name: str, source: Source) -> tuple[KeyPath, ...]:
        """Returns where a field is looked for in a record of a source."""
        return self.renamed.get(name) or source.fields[name]

    @property
    def unwraps(self) -> bool:
        """Whether a record may lie in the envelope of its source."""
        return self.source != PLAIN

    def source_of(self, keys: tuple[str, ...]) -> Source:
        """Returns the source of a record with these keys."""
        if self.found is not None:
            return self._source_of_columns
        return source_of(keys, self.source)

    @cached_property
    def _source_of_columns(self) -> Source:
        if not self.found:
            return source_of((), self.source) if self.source != AUTO else DEFAULT
        heads = {name.partition(".")[0] for name in self.found}
        return source_of(tuple(sorted({*self.found, *heads})), self.source)

    @cached_property
    def _shapes(self) -> dict[tuple[str, ...], Shape]:
        return {}

    def shape_of(self, record: Record) -> Shape:
        """Returns the shape of a record: of those with the same keys the same one."""
        keys = tuple(record)
        shape = self._shapes.get(keys)
        if shape is None:
            shape = self._remember(keys, self._make_shape(self.source_of(keys), keys))
        return shape

    def shape_in(self, source: Source, record: Record) -> Shape:
        """Returns the shape of what stands in a record of a source, and is laid out as it."""
        keys = ("", source.program, *record)
        shape = self._shapes.get(keys)
        if shape is None:
            shape = self._remember(keys, self._make_shape(source, tuple(record)))
        return shape

    def _remember(self, keys: tuple[str, ...], shape: Shape) -> Shape:
        if len(self._shapes) >= MAX_SHAPES:
            self._shapes.clear()
        self._shapes[keys] = shape
        return shape

    def _make_shape(self, source: Source, keys: tuple[str, ...]) -> Shape:
        there = frozenset(keys)

        def open_paths(paths: tuple[KeyPath, ...]) -> tuple[KeyPath, ...]:
            return tuple(path for path in paths if path[0] in there)

        paths = {name: open_paths(self.paths(name, source)) for name in FIELDS}
        return Shape(
            source,
            paths,
            {name: of[0][0] for name, of in paths.items() if [len(path) for path in of] == [1]},
            open_paths(source.originals),
            open_paths(source.repost_of),
            self.unwraps and not ENVELOPE_KEYS.isdisjoint(there),
        )

    def post_of(self, record: Record) -> Post:
        """Returns a record with its shape."""
        return Post(record, self.shape_of(record), self)

    def nested(self, record: Record) -> Record:
        """Returns the record of a row as the object that it was before it was flattened.

        Where columns are named `user.id` and `user.name`, they are put into an object `user`; a
        cell of such a name that holds an object or list as text is one. The columns stay as well.
        """
        if self.found is None or not self._containers:
            return record
        whole: dict[str, Any] = dict(record)
        for name in self._containers:
            value = record.get(name)
            if isinstance(value, str):
                value = parse_container(value)
            if value is None:
                continue
            *heads, last = name.split(".")
            inside = whole
            for head in heads:
                if not isinstance(inside.get(head), dict):
                    inside[head] = {}
                inside = inside[head]
            if isinstance(inside.get(last), dict) and not isinstance(value, dict):
                continue
            inside[last] = value
        return whole

    @cached_property
    def _containers(self) -> tuple[str, ...]:
        """The columns that have dots, or hold what other columns' paths lead into."""
        return tuple(
            name
            for name in self.found or ()
            if name in _container_names() or ("." in name and name.partition(".")[0] in _all_keys())
        )

    def is_read(self, column: str) -> bool:
        """Says whether a file's column can hold a field."""
        own = {path[0] for paths in self.renamed.values() for path in paths}
        own.update(path[0] for name in self.keep for path in column_paths(name))
        return column in own or column in _all_keys() or column.partition(".")[0] in _all_keys()

    def missing_column(self) -> str | None:
        """Returns which column of `columns` the file lacks, in words; None for none."""
        if self.found is None:
            return None
        for ours, theirs in self.columns:
            if theirs not in self.found and parse_path(theirs)[0] not in self.found:
                return self.no_field(ours, self.source_of(self.found))
        return None

    def no_field(self, name: str, source: Source) -> str:
        """Returns that a record, or the file, has none of a field's paths, in words."""
        paths = list(dict.fromkeys(".".join(path) for path in self.paths(name, source)))
        keys = " or ".join(paths)
        if self.found is None or any(key in self.found for key in paths):
            return f"{keys} is absent, null or empty"
        found = ", ".join(map(ascii, self.found))
        if not self.privacy.quotes_values:  # a file without a header has its first item there
            found = f"{len(self.found)} others"
        return f"the file has no column {keys}; it has {found}: name one with --column {name}=NAME"


@lru_cache(maxsize=1024)
def column_paths(name: str) -> tuple[KeyPath, ...]:
    """Returns the paths that a name of the command line means: itself, and what its dots part.

    >>> column_paths("body"), column_paths("record.text")
    ((('body',),), (('record.text',), ('record', 'text')))
    """
    return ((name,),) if "." not in name else ((name,), parse_path(name))


@lru_cache(maxsize=1)
def _all_keys() -> frozenset[str]:
    return frozenset().union(*(source.keys for source in SOURCES)) | ENVELOPE_KEYS | _OTHERS


_OTHERS = frozenset({"reason", "kind", "did", "actor", "truncated", "referenced_tweets"})
"""What is looked at besides, by name."""


@lru_cache(maxsize=1)
def _container_names() -> frozenset[str]:
    """The columns that hold objects or lists, which a path leads into."""
    paths = [path for source in SOURCES for of_field in source.fields.values() for path in of_field]
    paths += [path for source in SOURCES for path in source.originals]
    names = {path[0] for path in paths if len(path) > 1}
    return frozenset(names | {path[0] for source in SOURCES for path in source.originals})


def parse_container(text: str) -> Any:
    """Returns the object or list that a cell holds as text; the text itself of another.

    >>> parse_container("{'id': 7}"), parse_container('[{"tag": "a"}]'), parse_container("{")
    ({'id': 7}, [{'tag': 'a'}], '{')
    """
    if text[:1] not in ("{", "[") or len(text) > MAX_CELL_CHARACTERS:
        return text
    value = parse_literal(text)
    return text if value is None else value
