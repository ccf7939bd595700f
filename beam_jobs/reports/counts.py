"""Label and dead-letter rows to partial tables: counts and sums that add up over files.

Counts and sums are kept as integers, so that a table is the same in whatever order the partial
tables are merged: floating-point addition is not associative, and Beam merges in any order.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from beam_jobs.reports.counted_emotions import count_emotions
from beam_jobs.reports.groupings import Grouping
from schemas.emotions import Modality
from schemas.fields import TIMESTAMP
from schemas.reports import MOST_DISAGREEING_SCHEMA, N_CONFIDENCE_BINS

SCALE = 2**30
"""Confidences are summed as multiples of 1 / SCALE.

A float32 of at least 2⁻⁷ is such a multiple exactly, and the highest of up to 128 scores that sum
to 1 is no smaller; the error of a smaller number, as of a multi-label model, is at most 2⁻³¹. An
int64 holds the sum for 8.6 billion items (2⁶³ / SCALE), where the 2²⁴ that float32's mantissa
suggests would round most confidences below ½.
"""
N_DISAGREEING = 100
"""Items of `most_disagreeing`."""

LABEL_COLUMNS = (
    "item_id",
    "created_at",
    "modality",
    "emotion",
    "emotions",
    "confidence",
    "text_emotion",
    "audio_emotion",
    "disagreement",
    "n_tokens",
    "run_id",
    "repost_of",
    "warnings",
)
"""What the tables that group by no column of the user's choice are made from."""
DEAD_LETTER_COLUMNS = ("stage", "reason")

Partials = dict[str, pa.Table]
"""Partial table of each report, by its name: keys, and counts and sums that can be added up.

`most_disagreeing` and `surest` hold the first rows of an order, and no counts.
"""

MERGED_BY = {
    **dict.fromkeys(("n_items", "n_first", "confidence_sum", "disagreement_sum"), "sum"),
    **dict.fromkeys(
        ("n_labels", "n_dead", "n_text", "n_audio", "n_text_audio", "n_reposts"), "sum"
    ),
    "confidence_square_sum": "sum",
    "first_created_at": "min",
    "last_created_at": "max",
}
"""How two partial tables' columns become one; every other column is a key."""

SUREST_SCHEMA = pa.schema(
    [
        ("item_id", pa.string()),
        ("emotion", pa.string()),
        ("confidence", pa.float32()),
        ("n_tokens", pa.int32()),
    ]
)
"""The items with a text whose labels are the surest of each emotion, one of its copies each."""


@dataclass(frozen=True)
class RunKey:
    """The run that rows are counted for, as the report tables name it."""

    date: date
    run_id: str
    model_version: str


_COUNTS = {
    "by_emotion": [
        ("emotion", pa.string()),
        ("n_items", pa.int64()),
        # Those whose first emotion it is: over all emotions they add up to the items.
        ("n_first", pa.int64()),
        ("confidence_sum", pa.int64()),
    ],
    "disagreement": [
        ("text_emotion", pa.string()),
        ("audio_emotion", pa.string()),
        ("n_items", pa.int64()),
        ("disagreement_sum", pa.int64()),
    ],
    "confidence_distribution": [
        ("emotion", pa.string()),
        ("bin", pa.int64()),
        ("n_items", pa.int64()),
    ],
    "groups_left_out": [("report", pa.string()), ("n_items", pa.int64())],
    "dead_letters_by_reason": [
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("n_items", pa.int64()),
    ],
    "warnings": [("code", pa.string()), ("n_items", pa.int64())],
    "run_summary": [
        ("date", pa.date32()),
        ("run_id", pa.string()),
        ("model_version", pa.string()),
        *((name, pa.int64()) for name in ("n_labels", "n_dead", "n_text", "n_audio")),
        ("n_text_audio", pa.int64()),
        ("n_reposts", pa.int64()),
        ("confidence_sum", pa.int64()),
        ("confidence_square_sum", pa.int64()),
        ("first_created_at", TIMESTAMP),
        ("last_created_at", TIMESTAMP),
    ],
}


def partial_schemas(groupings: Sequence[Grouping]) -> dict[str, pa.Schema]:
    """Returns the schema of each partial table."""
    counts = {name: pa.schema(columns) for name, columns in _COUNTS.items()}
    shares = {
        grouping.report: pa.schema(
            [(grouping.group.name, grouping.group.type), *_COUNTS["by_emotion"]]
        )
        for grouping in groupings
    }
    tops = {"most_disagreeing": MOST_DISAGREEING_SCHEMA, "surest": SUREST_SCHEMA}
    return {**counts, **shares, **tops}


def empty_partials(groupings: Sequence[Grouping]) -> Partials:
    """Returns the partial tables of no rows, to which others add up."""
    return {name: schema.empty_table() for name, schema in partial_schemas(groupings).items()}


def aggregate_labels(
    labels: pa.Table,
    run: RunKey,
    groupings: Sequence[Grouping],
    kept: Mapping[str, pa.Array] | None = None,
    n_surest: int = 0,
) -> Partials:
    """Returns the partial tables of some label rows.

    Args:
        labels: with `LABEL_COLUMNS`, and those that the groupings read.
        run: the run that the rows are counted for.
        groupings: the tables of shares, but for `by_emotion`.
        kept: the groups that are counted, by table, where there are too many to count them all.
        n_surest: items of each emotion in `surest`.
    """
    rows = pa.table(
        {
            "emotion": labels["emotion"],
            "n_items": np.ones(labels.num_rows, np.int64),
            "confidence_sum": _to_fixed_point(labels["confidence"]),
        }
    )
    counted = count_emotions(labels)
    by_emotion = counted.repeat(rows).set_column(0, "emotion", counted.emotions)
    by_emotion = by_emotion.append_column("n_first", counted.is_first.cast(pa.int64()))
    schemas = partial_schemas(groupings)
    partials = {
        "by_emotion": _combine(by_emotion, schemas["by_emotion"]),
        "disagreement": _count_disagreement(labels, schemas["disagreement"]),
        "most_disagreeing": _most_disagreeing(labels),
        "confidence_distribution": _count_bins(rows, labels["confidence"]),
        "warnings": _count_warnings(labels["warnings"], schemas["warnings"]),
        "run_summary": _summarise(labels, rows["confidence_sum"], run),
        "surest": _surest(_with_text(labels.filter(counted.has_highest)), n_surest),
    }
    left_out = {}
    for grouping in groupings:
        grouped = grouping.group_rows(counted.repeat(labels.select([grouping.column])), by_emotion)
        if kept and grouping.report in kept:
            n_counted = pc.sum(grouped["n_first"]).as_py() or 0
            grouped = grouped.filter(pc.is_in(grouped[grouping.group.name], kept[grouping.report]))
            left_out[grouping.report] = n_counted - (pc.sum(grouped["n_first"]).as_py() or 0)
        partials[grouping.report] = _combine(grouped, schemas[grouping.report])
    partials["groups_left_out"] = pa.table(
        [list(left_out), list(left_out.values())], schema=schemas["groups_left_out"]
    )
    return partials


def aggregate_dead_letters(letters: pa.Table, run: RunKey) -> Partials:
    """Returns the partial tables of some dead letters, of which `DEAD_LETTER_COLUMNS` are read."""
    schemas = partial_schemas(())
    rows = letters.append_column("n_items", [np.ones(letters.num_rows, np.int64)])
    row = {name: 0 for name in schemas["run_summary"].names if MERGED_BY.get(name) == "sum"}
    summary = [{**row, **vars(run), "n_dead": letters.num_rows}]
    return {
        "dead_letters_by_reason": _combine(rows, schemas["dead_letters_by_reason"]),
        "run_summary": pa.Table.from_pylist(summary, schemas["run_summary"]),
    }


def merge_partials(partials: Iterable[Partials], n_surest: int = 0) -> Partials:
    """Returns the partial tables that one pass over the rows of all (at least one) would make."""
    by_name: dict[str, list[pa.Table]] = {}
    for each in partials:
        for name, table in each.items():
            by_name.setdefault(name, []).append(table)
    merged = {}
    for name, tables in by_name.items():
        rows = pa.concat_tables(tables)
        if name == "most_disagreeing":
            merged[name] = _first_disagreeing(rows)
        elif name == "surest":
            merged[name] = _surest(rows, n_surest)
        else:
            merged[name] = rows if len(tables) == 1 else _combine(rows, rows.schema)
    return merged


def _combine(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Adds up rows of equal keys; a label row, with n_items = 1, is the smallest partial table."""
    keys = [column for column in schema.names if column not in MERGED_BY]
    merged = [(column, MERGED_BY[column]) for column in schema.names if column in MERGED_BY]
    # Beam does the work in parallel already.
    grouped = rows.group_by(keys, use_threads=False).aggregate(merged)
    columns = {key: grouped[key] for key in keys}
    for column, function in merged:
        values = grouped[f"{column}_{function}"]
        columns[column] = values.fill_null(0) if function == "sum" else values
    return pa.table(columns).cast(schema)


def _to_fixed_point(numbers: pa.ChunkedArray) -> pa.ChunkedArray:
    """Returns numbers, 0 to 1, as whole multiples of 1 / SCALE."""
    return pc.round(pc.multiply(numbers.cast(pa.float64()), float(SCALE))).cast(pa.int64())


def _count_disagreement(labels: pa.Table, schema: pa.Schema) -> pa.Table:
    both = labels.filter(pc.is_valid(labels["disagreement"]))
    rows = pa.table(
        {
            "text_emotion": both["text_emotion"],
            "audio_emotion": both["audio_emotion"],
            "n_items": np.ones(both.num_rows, np.int64),
            "disagreement_sum": _to_fixed_point(both["disagreement"]),
        }
    )
    return _combine(rows, schema)


def _most_disagreeing(labels: pa.Table) -> pa.Table:
    both = labels.filter(pc.is_valid(labels["disagreement"]))
    return _first_disagreeing(both.select(MOST_DISAGREEING_SCHEMA.names)).cast(
        MOST_DISAGREEING_SCHEMA
    )


def _first_disagreeing(rows: pa.Table) -> pa.Table:
    return _first(rows, N_DISAGREEING, "disagreement", "item_id", "run_id")


def _first(rows: pa.Table, n_rows: int, column: str, *ties: str) -> pa.Table:
    """Returns the n rows with the highest values of a column, in any order."""
    if rows.num_rows <= n_rows:
        return rows
    order = [(column, "descending"), *((tie, "ascending") for tie in ties)]
    return rows.take(pc.select_k_unstable(rows, n_rows, order))


def _surest(rows: pa.Table, n_items: int) -> pa.Table:
    """Returns the n surest items of each emotion, whatever parts the rows came in.

    Copies of a text have its confidence and number of tokens: the first by id stands for all. Where
    a model is so sure that its confidences round to 1, it stands for other texts of as many tokens
    too, which are not shown.
    """
    if not n_items:
        return SUREST_SCHEMA.empty_table()
    grouped = rows.group_by(["emotion", "confidence", "n_tokens"], use_threads=False)
    kept = grouped.aggregate([("item_id", "min")]).rename_columns({"item_id_min": "item_id"})
    kept = kept.select(SUREST_SCHEMA.names).cast(SUREST_SCHEMA)
    tops = [
        _first(kept.filter(pc.equal(kept["emotion"], emotion)), n_items, "confidence", "item_id")
        for emotion in pc.unique(kept["emotion"])
    ]
    return pa.concat_tables([SUREST_SCHEMA.empty_table(), *tops])


def _with_text(labels: pa.Table) -> pa.Table:
    return labels.filter(pc.not_equal(labels["modality"], Modality.AUDIO))


def _count_bins(rows: pa.Table, confidence: pa.ChunkedArray) -> pa.Table:
    bins = pc.floor(pc.multiply(confidence.cast(pa.float64()), float(N_CONFIDENCE_BINS)))
    bins = pc.min_element_wise(bins.cast(pa.int64()), N_CONFIDENCE_BINS - 1)
    return _combine(rows.append_column("bin", bins), pa.schema(_COUNTS["confidence_distribution"]))


def _count_warnings(warnings: pa.ChunkedArray, schema: pa.Schema) -> pa.Table:
    codes = pc.list_flatten(warnings)
    return _combine(pa.table({"code": codes, "n_items": np.ones(len(codes), np.int64)}), schema)


def _summarise(labels: pa.Table, confidence_sum: pa.ChunkedArray, run: RunKey) -> pa.Table:
    confidence = labels["confidence"].cast(pa.float64())
    modality, times = labels["modality"], pc.min_max(labels["created_at"])
    row = {
        **vars(run),
        "n_labels": labels.num_rows,
        "n_dead": 0,
        **{
            name: pc.sum(pc.equal(modality, value)).as_py() or 0
            for name, value in (
                ("n_text", Modality.TEXT),
                ("n_audio", Modality.AUDIO),
                ("n_text_audio", Modality.TEXT_AUDIO),
            )
        },
        "n_reposts": labels.num_rows - labels["repost_of"].null_count,
        "confidence_sum": pc.sum(confidence_sum).as_py() or 0,
        "confidence_square_sum": pc.sum(
            _to_fixed_point(pc.multiply(confidence, confidence))
        ).as_py()
        or 0,
        "first_created_at": times["min"].as_py(),
        "last_created_at": times["max"].as_py(),
    }
    return pa.Table.from_pylist([row], pa.schema(_COUNTS["run_summary"]))
