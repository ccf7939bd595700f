"""Every report table as one DuckDB query over labels and dead letters: a second way to the numbers.

Nothing of `beam_jobs` stands in them. The views `labels`, `dead_letters` and `runs` are what they
ask; `open_runs` makes these of run directories.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
from scipy.stats import fisher_exact

from schemas.reports import N_CONFIDENCE_BINS, REPORT_SCHEMAS, SHARE_GROUPS

TOP = 10_000
"""Groups of a table of shares, the largest; those by time hold all."""
N_DISAGREEING = 100
GROUPS = {
    "by_emotion": "0",
    "by_hour": "date_trunc('hour', created_at)",
    "by_day": "created_at::date",
    "by_weekday": "isodow(created_at)::integer",
    "by_language": "lang",
    "by_hashtag": "unnest(list_distinct(hashtags))",
    "by_author": "author_id",
    "by_modality": "modality",
}
BY_TIME = ("by_hour", "by_day", "by_weekday")

COUNTED = """(
    select item_id, unnest(case
        when emotions is null or emotion = 'uncertain' then [emotion]
        when len(emotions) = 0 then ['no_emotion']
        else emotions
    end) as counted_emotion from labels
)"""
"""What each item counts for: once for each of its emotions, and once where it has none."""
SHARES = """
with item as (select {group} as grouped, item_id, confidence from labels),
counted as (
    select grouped, counted_emotion as emotion, count(*) as k, avg(confidence::double) as mean
    from item join {counted} using (item_id) group by all
),
sized as (select grouped, count(*) as n from item group by grouped),
in_group as (
    select counted.*, n
    from counted join sized on counted.grouped is not distinct from sized.grouped
),
ranked as (
    select *, dense_rank() over (order by n desc, grouped nulls last) as place,
        k / n as p, 1.959963984540054 as z
    from in_group
)
select grouped, emotion, k, n, p,
    (p + z * z / (2 * n) - z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n),
    (p + z * z / (2 * n) + z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))) / (1 + z * z / n),
    mean
from ranked where place <= {top} order by grouped nulls last, emotion
"""
"""Shares of a group's items, with Wilson's interval as his paper has it."""
LIFT = """
with tag as (select unnest(list_distinct(hashtags)) as hashtag, item_id from labels),
hashtags as (
    select hashtag, count(*) as n from tag group by hashtag order by n desc, hashtag limit {top}
),
emotions as (select counted_emotion as emotion, count(*) as k_all from {counted} group by all),
counted as (
    select hashtag, counted_emotion as emotion, count(*) as k
    from tag join {counted} using (item_id) group by all
)
select hashtag, emotion, coalesce(k, 0) as k, n, coalesce(k, 0) / n as p, k_all / n_all as p_all,
    p / p_all, k_all, n_all
from hashtags cross join emotions cross join (select count(*) as n_all from labels)
    left join counted using (hashtag, emotion)
order by hashtag, emotion
"""
"""Without its p-values and q-values, and with two more counts, from which these are made."""
LEFT_OUT = """(
with item as (select {group} as grouped from labels),
counted as (select grouped, count(*) as n from item group by all),
kept as (select * from counted order by n desc, grouped nulls last limit {top})
select '{name}', (select count(*) from kept), (select sum(n)::bigint from kept),
    ((select sum(n) from counted) - (select sum(n) from kept))::bigint, 1
where (select count(*) from counted) > {top}
)"""

QUERIES: dict[str, str] = {
    **{
        name: SHARES.replace("{group}", GROUPS[name])
        .replace("{counted}", COUNTED)
        .replace("{top}", str(2**62 if name in BY_TIME else TOP))
        for name in SHARE_GROUPS
    },
    "hashtag_lift": LIFT.replace("{counted}", COUNTED).replace("{top}", str(TOP)),
    "disagreement": """
        select text_emotion, audio_emotion, count(*), avg(disagreement::double)
        from labels where disagreement is not null group by all order by all
    """,
    "most_disagreeing": """
        select item_id, created_at, emotion, confidence, text_emotion, audio_emotion, disagreement,
            run_id
        from labels where disagreement is not null
        order by disagreement desc, item_id, run_id limit {top}
    """.replace("{top}", str(N_DISAGREEING)),
    "confidence_distribution": """
        with binned as (
            select emotion, least(floor(confidence::double * {bins}), {bins} - 1) as bin from labels
        )
        select emotion, bin / {bins}, (bin + 1) / {bins}, count(*)
        from binned group by emotion, bin order by emotion, bin
    """.replace("{bins}", str(N_CONFIDENCE_BINS)),
    "groups_left_out": " union all ".join(
        LEFT_OUT.replace("{group}", GROUPS[name]).replace("{name}", name).replace("{top}", str(TOP))
        for name in SHARE_GROUPS
        if name != "by_emotion" and name not in BY_TIME
    ),
    "dead_letters_by_reason": """
        select stage, reason, count(*) from dead_letters group by all order by all
    """,
    "warnings": """
        with code as (select unnest(warnings) as code from labels)
        select code, count(*) from code group by code order by code
    """,
    "run_summary": """
        with label as (
            select dt, count(*) as n, count(*) filter (modality = 'text') as n_text,
                count(*) filter (modality = 'audio') as n_audio,
                count(*) filter (modality = 'text+audio') as n_both,
                count(repost_of) as n_reposts,
                min(created_at) as first, max(created_at) as last,
                avg(confidence::double) as mean
            from labels group by dt
        ),
        letter as (select dt, count(*) as n from dead_letters group by dt)
        select date, run_id, model_version, coalesce(label.n, 0) + coalesce(letter.n, 0),
            coalesce(label.n, 0), coalesce(letter.n, 0), coalesce(n_text, 0), coalesce(n_audio, 0),
            coalesce(n_both, 0), coalesce(n_reposts, 0), first, last, mean
        from runs left join label on label.dt = date left join letter on letter.dt = date
        order by date, run_id
    """,
}
"""The query of each of `REPORT_SCHEMAS`, in the order of its columns and its rows."""


def open_runs(out: Path, dates: Sequence[str] = ()) -> duckdb.DuckDBPyConnection:
    """Returns a connection with views of a run directory's labels, dead letters and runs.

    Args:
        out: the run directory.
        dates: the runs to take; all of them by default.
    """
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    manifest = json.loads((out / "_manifest.json").read_text(encoding="utf-8"))
    runs = [
        {"date": date, "run_id": run["run_id"], "model_version": run["model_version"]}
        for date, run in manifest["runs"].items()
        if not dates or date in dates
    ]
    connection.register("run_rows", pa.Table.from_pylist(runs))
    connection.execute("create table runs as select * replace (date::date as date) from run_rows")
    for name in ("labels", "dead_letters"):
        connection.execute(
            f"create view {name} as select * "  # noqa: S608 - the names are this file's own
            f"from read_parquet('{out}/{name}/*/*.parquet', hive_partitioning = true) "
            "where dt in (select date from runs)"
        )
    return connection


def query_table(connection: duckdb.DuckDBPyConnection, name: str) -> pa.Table:
    """Returns a report table in its own schema."""
    schema = REPORT_SCHEMAS[name]
    rows = connection.sql(QUERIES[name]).to_arrow_table()
    if name == "hashtag_lift":
        rows = _with_p_values(rows)
    if name == "by_emotion":
        rows = rows.remove_column(0)
    return rows.rename_columns(schema.names).cast(schema)


def _with_p_values(rows: pa.Table) -> pa.Table:
    """Puts SciPy's Fisher test, and its adjustment by hand, in the place of the two more counts."""
    p_values = []
    for row in rows.to_pylist():
        k, n, k_all, n_all = (row[name] for name in ("k", "n", "k_all", "n_all"))
        square = [[k, n - k], [k_all - k, n_all - n - (k_all - k)]]
        tails = (fisher_exact(square, alternative=tail).pvalue for tail in ("less", "greater"))
        p_values.append(min(1.0, 2 * min(tails)))
    rows = rows.drop_columns(["k_all", "n_all"])
    return rows.append_column("p_value", [p_values]).append_column(
        "q_value", [adjust_by_hand(p_values)]
    )


def adjust_by_hand(p_values: Sequence[float]) -> list[float]:
    """Returns Benjamini and Hochberg's adjusted p-values, as the definition has them.

    >>> adjust_by_hand([0.01, 0.04, 0.03, 0.8])
    [0.04, 0.05333333333333334, 0.05333333333333334, 0.8]
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, least = [0.0] * len(p_values), 1.0
    for rank in range(len(order), 0, -1):
        index = order[rank - 1]
        least = min(least, p_values[index] * len(p_values) / rank)
        adjusted[index] = least
    return adjusted
