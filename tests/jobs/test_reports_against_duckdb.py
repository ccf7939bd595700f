"""The report of a span is what one DuckDB query for each table makes of the same files.

The queries (`tests/support/report_queries.py`) know nothing of `beam_jobs`.
"""

from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.reports import REPORT_SCHEMAS
from tests.support.label_rows import Corpus, write_runs
from tests.support.report_queries import adjust_by_hand, open_runs, query_table
from tests.support.reporting import report_runs

CORPUS = Corpus(3000, 8, n_hashtags=60, n_authors=300, null_fraction=0.05, seed=7)
CORPORA = {"single_label": CORPUS, "multi_label": replace(CORPUS, threshold=0.3)}
TOLERANCES = {"p_value": (1e-7, 0), "q_value": (1e-7, 0), "mean_disagreement": (0, 2**-31)}
"""Relative and absolute. SciPy has two ways to the hypergeometric distribution, and sums of
disagreements are kept as multiples of 2⁻³⁰."""


@pytest.fixture(scope="module", params=CORPORA)
def runs(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    out = tmp_path_factory.mktemp("runs")
    write_runs(CORPORA[request.param], out)
    return out


@pytest.fixture(scope="module")
def report(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    report_runs(runs, out)
    return out


@pytest.fixture(scope="module")
def connection(runs: Path) -> duckdb.DuckDBPyConnection:
    return open_runs(runs)


@pytest.mark.parametrize("name", REPORT_SCHEMAS)
def test_a_table_is_what_the_query_makes(
    report: Path, connection: duckdb.DuckDBPyConnection, name: str
) -> None:
    ours, theirs = pq.read_table(report / f"{name}.parquet"), query_table(connection, name)
    assert ours.schema.equals(REPORT_SCHEMAS[name])
    assert name == "groups_left_out" or theirs.num_rows
    assert_tables_match(ours, theirs)


def test_a_multi_label_corpus_counts_items_once_for_each_emotion(
    report: Path, connection: duckdb.DuckDBPyConnection, request: pytest.FixtureRequest
) -> None:
    sizes = {
        len(names) for (names,) in connection.execute("select emotions from labels").fetchall()
    }
    by_emotion = pq.read_table(report / "by_emotion.parquet")
    page = (report / "report.html").read_text(encoding="utf-8")
    is_multi = request.node.callspec.params["runs"] == "multi_label"
    assert sizes == ({0, 1, 2, 3} if is_multi else {1})
    assert by_emotion["n_group"].to_pylist() == [3000] * by_emotion.num_rows
    assert (sum(by_emotion["n_items"].to_pylist()) > 3000) == is_multi
    assert ("no_emotion" in by_emotion["emotion"].to_pylist()) == is_multi
    assert ("An item counts once for each of its emotions" in page) == is_multi


def assert_tables_match(ours: pa.Table, theirs: pa.Table) -> None:
    """Counts, keys, order and nulls are equal; quotients and means agree to 1e-12."""
    assert ours.num_rows == theirs.num_rows
    for column in ours.column_names:
        mine, other = ours[column].combine_chunks(), theirs[column].combine_chunks()
        if pa.types.is_floating(mine.type):
            assert mine.is_null().equals(other.is_null()), column
            relative, absolute = TOLERANCES.get(column, (1e-12, 1e-15))
            values, others = (each.drop_null().to_numpy() for each in (mine, other))
            np.testing.assert_allclose(values, others, relative, absolute, err_msg=column)
        else:
            assert mine.equals(other), column


def test_adjusted_p_values_of_a_published_example() -> None:
    """Benjamini and Hochberg, J. R. Stat. Soc. B 57 (1995), section 3.2: 15 p-values, 4 at .05."""
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
    p_values += [0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
    adjusted = adjust_by_hand(p_values)
    assert [value <= 0.05 for value in adjusted] == [True] * 4 + [False] * 11
    assert adjusted[3] == pytest.approx(0.0095 * 15 / 4)
