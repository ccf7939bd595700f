"""The last line of a run that failed: it names the cause, and where there is one the remedy."""

from collections import Counter
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beam_jobs.commands.failure import explain_failure
from beam_jobs.items.elements import DeadLetter
from beam_jobs.reading.inputs import JobInputs
from beam_jobs.runs.manifest import RunCounts, RunManifest
from beam_jobs.runs.output_files import WrittenFile
from beam_jobs.runs.sorted_parquet import to_dead_letter_row
from beam_jobs.scoring.launch import score_corpus
from beam_jobs.scoring.request import ScoringRequest
from beam_jobs.scoring.scoring_result import ScoringResult
from schemas.dead_letters import DEAD_LETTER_SCHEMA, REASON_MEANINGS, Reason
from tests.support.item_reading import NOON, read_without_beam

CSV = "pk,body\n1,the rain\n2,sad\n"
LINES = '{"pk": 1, "body": "the rain"}\n{"pk": 2, "body": "sad"}\n'
REFUSED = "2 of 2 items were refused, more than --max-bad-fraction; the leading reason is "
NO_ID = REFUSED + "missing_id (2: the item has no id); the first is "
NO_TEXT = REFUSED + "no_content (2: the item has neither text nor audio); texts are read from "
LOST = "1 input file(s) could not be read to the end; the first is "


@pytest.mark.parametrize(
    ("name", "content", "columns", "line"),
    [
        (
            "t.csv",
            CSV,
            [("item_id", "tweet_pk")],
            LOST + "{file}:1: the file has no column tweet_pk; it has 'pk', 'body': name one with "
            "--column item_id=NAME",
        ),
        (
            "t.csv",
            CSV,
            [("item_id", "pk"), ("text", "tekst")],
            LOST + "{file}:1: the file has no column tekst; it has 'pk', 'body': name one with "
            "--column text=NAME",
        ),
        (
            "t.csv",
            CSV,
            [],
            LOST
            + "{file}:1: the first row, 'pk', 'body', has none of the columns of an item: if it "
            "names them otherwise, add --column item_id=NAME --column text=NAME; if the file has "
            "no header, add --no-header, and number the columns, as in --column item_id=1 --column "
            "text=2",
        ),
        (
            "t.jsonl",
            LINES,
            [],
            NO_ID + "{file}:1: item_id or id_str or id is absent, null or empty; it has 'pk', "
            "'body': name another column with --column item_id=NAME",
        ),
        (
            "t.jsonl",
            LINES,
            [("item_id", "tweet_pk"), ("text", "body")],
            NO_ID + "{file}:1: tweet_pk is absent, null or empty; it has 'pk', 'body': name "
            "another column with --column item_id=NAME",
        ),
        (
            "t.jsonl",
            LINES.replace("pk", "id").replace("1", '""').replace("2", "null"),
            [],
            NO_ID + "{file}:1: item_id or id_str or id is absent, null or empty",
        ),
        (
            "t.csv",
            CSV,
            [("item_id", "pk")],
            NO_TEXT
            + "note_tweet.text or extended_tweet.full_text or full_text or fullText or text, or "
            "where the record's own source has them: name another column with --column text=NAME",
        ),
        (
            "t.jsonl",
            LINES,
            [("item_id", "pk"), ("text", "tekst")],
            NO_TEXT + "tekst: name another column with --column text=NAME",
        ),
        (
            "t.csv",
            "id,text\n1,caf\udce9\n2,\udce9t\udce9\n",
            [],
            REFUSED
            + f"invalid_utf8 (2: {REASON_MEANINGS[Reason.INVALID_UTF8]}); the first is {{file}}:2: "
            "text holds bytes or escapes that are not Unicode text; if the file has another "
            "encoding, name it, as in --encoding cp1252",
        ),
    ],
)
def test_a_field_of_another_name_is_told(
    tmp_path: Path, name: str, content: str, columns: list[tuple[str, str]], line: str
) -> None:
    (tmp_path / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    expected = line.replace("{file}", f"{tmp_path}/{name}")
    assert failure_without_job(tmp_path, name, tuple(columns)) == (
        f"{expected}; see {tmp_path}/out/dead_letters"
    )


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ("plain", "text"),
        ("mastodon", "content or text"),
        ("reddit", "text or selftext or body or title"),
        ("youtube", "snippet.textOriginal or snippet.textDisplay or text or textOriginal or "
         "textDisplay"),
    ],
)  # fmt: skip
def test_the_places_of_texts_are_those_of_the_source(
    tmp_path: Path, source: str, places: str
) -> None:
    (tmp_path / "t.jsonl").write_text('{"id": "1"}\n{"id": "2"}\n', encoding="utf-8")
    assert failure_without_job(tmp_path, "t.jsonl", (), source) == (
        f"{NO_TEXT}{places}: name another column with --column text=NAME; see "
        f"{tmp_path}/out/dead_letters"
    )


def failure_without_job(
    directory: Path, name: str, columns: tuple[tuple[str, str], ...], source: str = "auto"
) -> str | None:
    """What is said of a run that publishes the dead letters that reading the file gives."""
    out = f"{directory}/out"
    outcomes = read_without_beam(JobInputs((f"{directory}/{name}",), columns=columns))
    letters = [one for one in outcomes if isinstance(one, DeadLetter)]
    rows = [to_dead_letter_row(letter, run_id="r") for letter in letters]
    path = "dead_letters/part-0.parquet"
    (directory / "out" / "dead_letters").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, DEAD_LETTER_SCHEMA), f"{out}/{path}")
    counts = RunCounts(
        {"text": len(outcomes) - len(letters)}, Counter(str(one.reason) for one in letters)
    )
    run = RunManifest(
        counts.status(max_bad_fraction=0.5),
        *("r", date(2026, 11, 22), "m", NOON, NOON, counts),
        outputs=(WrittenFile("dead_letters", path, len(rows), 0, ""),),
        settings={"columns": [list(column) for column in columns], "source": source},
    )
    return explain_failure(ScoringResult(run, out), out)


@pytest.mark.job
@pytest.mark.parametrize(
    ("redact_text", "others"), [(False, "; it has 'pk', 'body': name"), (True, ": name")]
)
def test_a_job_s_failure_names_fields_unless_the_payload_is_hidden(
    tiny_artifact: Path, tmp_path: Path, redact_text: bool, others: str
) -> None:
    (tmp_path / "t.jsonl").write_text(LINES, encoding="utf-8")
    out = f"{tmp_path}/out"
    result = score_corpus(
        ScoringRequest(
            items=(f"{tmp_path}/t.jsonl",),
            clips=(),
            audio_roots=(),
            out=out,
            model=str(tiny_artifact),
            run_date=date(2026, 11, 22),
            redact_text=redact_text,
        )
    )
    assert explain_failure(result, out) == (
        f"{NO_ID}{tmp_path}/t.jsonl:1: item_id or id_str or id is absent, null or empty{others} "
        f"another column with --column item_id=NAME; see {out}/dead_letters"
    )
