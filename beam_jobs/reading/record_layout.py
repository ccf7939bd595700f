"""Where the records of one file have their fields: its source's paths, and the user's own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from beam_jobs.items.privacy import PUBLIC, Privacy
from beam_jobs.reading.json_values import parse_literal
from beam_jobs.reading.key_paths import KeyPath, Record, descend, parse_path, plain_value
from beam_jobs.reading.sources import AUTO, DEFAULT, FIELDS, PLAIN, SOURCES, Source, source_of

MAX_CELL_CHARACTERS = 1_000_000
"""Of a cell that holds an object or a list as text."""


@dataclass(frozen=True)
class Post:
    """A record beside the table of its source."""

    record: Record
    source: Source
    layout: "RecordLayout"

    def find(self, name: str) -> Any:
        """Returns the field's first value that is there; an empty string if there is no other."""
        empty = None
        for path in self.layout.paths(name, self.source):
            value = self.record.get(path[0])
            if value is not None:
                if len(path) > 1:
                    value = descend(value, path[1:])
                elif type(value) is dict:
                    value = plain_value(value)
            if value == "":
                empty = value
            elif value is not None:
                return value
        return empty

    def find_all(self, name: str) -> list[Any]:
        """Returns what stands at each of a field's paths."""
        return [value for _, value in self.values(name)]

    def values(self, name: str) -> Iterator[tuple[KeyPath, Any]]:
        """Yields each of a field's paths, and what stands there."""
        for path in self.layout.paths(name, self.source):
            yield path, descend(self.record, path)


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

    def post_of(self, record: Record) -> Post:
        """Returns a record, out of its envelope, with its source."""
        return Post(record, self.source_of(tuple(record)), self)

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
                value = _parse_container(value)
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
        """Returns which column of `columns` or `keep` the file lacks, in words; None for none."""
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
    return frozenset().union(*(source.keys for source in SOURCES)) | _ENVELOPES


_ENVELOPES = frozenset({"tweet", "post", "reason", "commit", "object", "type", "truncated", "did"})
"""What `envelopes` looks at, besides."""


@lru_cache(maxsize=1)
def _container_names() -> frozenset[str]:
    """The columns that hold objects or lists, which a path leads into."""
    paths = [path for source in SOURCES for of_field in source.fields.values() for path in of_field]
    paths += [path for source in SOURCES for path in source.originals]
    names = {path[0] for path in paths if len(path) > 1}
    return frozenset(names | {path[0] for source in SOURCES for path in source.originals})


def _parse_container(text: str) -> Any:
    """Returns the object or list that a cell holds as text; the text itself of another.

    >>> _parse_container("{'id': 7}"), _parse_container('[{"tag": "a"}]'), _parse_container("{")
    ({'id': 7}, [{'tag': 'a'}], '{')
    """
    if text[:1] not in ("{", "[") or len(text) > MAX_CELL_CHARACTERS:
        return text
    value = parse_literal(text)
    return text if value is None else value
