"""The last line of a run that failed: it names the cause, and where there is one the remedy."""

from datetime import date
from pathlib import Path

import pytest

from beam_jobs.commands.failure import explain_failure
from beam_jobs.scoring.launch import score_corpus
from beam_jobs.scoring.request import ScoringRequest

CSV = "pk,body\n1,the rain\n2,sad\n"
LINES = '{"pk": 1, "body": "the rain"}\n{"pk": 2, "body": "sad"}\n'
REFUSED = "2 of 2 items were refused, more than --max-bad-fraction; the leading reason is "
NO_ID = REFUSED + "missing_id (2: the item has no id); the first is "
NO_TEXT = REFUSED + "no_content (2: the item has neither text nor audio); texts are read from "
LOST = "1 input file(s) could not be read to the end; the first is "


@pytest.mark.job
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
            NO_ID + "{file}:2: the file has no column item_id or id_str or id; it has 'pk', "
            "'body': name one with --column item_id=NAME",
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
            NO_TEXT + "text or full_text: name another column with --column text=NAME",
        ),
        (
            "t.jsonl",
            LINES,
            [("item_id", "pk"), ("text", "tekst")],
            NO_TEXT + "tekst: name another column with --column text=NAME",
        ),
    ],
)
def test_a_field_of_another_name_is_told(
    tiny_artifact: Path,
    tmp_path: Path,
    name: str,
    content: str,
    columns: list[tuple[str, str]],
    line: str,
) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    expected = line.replace("{file}", f"{tmp_path}/{name}")
    assert failure_of(tmp_path, tiny_artifact, name, columns=tuple(columns)) == (
        f"{expected}; see {tmp_path}/out/dead_letters"
    )


@pytest.mark.job
def test_names_are_not_told_where_the_payload_is_hidden(
    tiny_artifact: Path, tmp_path: Path
) -> None:
    (tmp_path / "t.jsonl").write_text(LINES, encoding="utf-8")
    assert failure_of(tmp_path, tiny_artifact, "t.jsonl", redact_text=True) == (
        f"{NO_ID}{tmp_path}/t.jsonl:1: item_id or id_str or id is absent, null or empty: name "
        f"another column with --column item_id=NAME; see {tmp_path}/out/dead_letters"
    )


def failure_of(directory: Path, artifact: Path, name: str, **changes: object) -> str | None:
    out = f"{directory}/out"
    fields = {
        "items": (f"{directory}/{name}",),
        "clips": (),
        "audio_roots": (),
        "out": out,
        "model": str(artifact),
        "run_date": date(2026, 11, 22),
    }
    return explain_failure(score_corpus(ScoringRequest(**(fields | changes))), out)
