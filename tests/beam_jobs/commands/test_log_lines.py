"""With --log-format json, each line on stderr is an object."""

import json
import logging
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from beam_jobs.commands.log_lines import LOG_FORMAT_VARIABLE, JsonFormatter, complain


def run(*arguments: str, **variables: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and what each line of stderr says, its time checked and taken out."""
    outcome = subprocess.run(
        [sys.executable, "-c", "from beam_jobs.commands.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | variables,
    )
    lines = [json.loads(line) for line in outcome.stderr.splitlines()]
    for line in lines:
        assert datetime.fromisoformat(line.pop("time")).tzinfo is not None
    return outcome.returncode, lines


def test_a_record_with_an_exception() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.LogRecord(
            "beam_jobs.scoring.score_batches",
            logging.WARNING,
            "",
            0,
            "item %s\n",
            ("7",),
            sys.exc_info(),
        )
    line = JsonFormatter().format(record)
    assert "\n" not in line
    fields = json.loads(line)
    assert fields.pop("time").endswith("Z")
    assert fields.pop("exception").endswith("ValueError: two\nlines")
    assert fields == {
        "level": "warning",
        "logger": "beam_jobs.scoring.score_batches",
        "message": "item 7\n",
    }


def test_a_complaint_as_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(LOG_FORMAT_VARIABLE, raising=False)
    assert complain("two\nlines", 2) == 2
    assert capsys.readouterr().err == "mm-emor: two lines\n"


COMPLAINT = {"level": "error", "logger": "mm-emor"}


@pytest.mark.job
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--out", "x"], "there is nothing to score: give --items, --clips or both"),
        ([], "Missing option '--out'. (see mm-emor score --help)"),
        (["--out", "x", "--date", "soon"], "--date is 'soon'; it must be a day as YYYY-MM-DD"),
    ],
)
def test_mistakes(arguments: list[str], message: str) -> None:
    expected = 2, [COMPLAINT | {"message": message, "exit_code": 2}]
    assert run("score", "--log-format", "json", *arguments) == expected


@pytest.mark.job
def test_the_variable_holds_before_any_flag_is_read() -> None:
    code, [line] = run("score", "--zzz", **{LOG_FORMAT_VARIABLE: "json"})
    assert (code, line["message"]) == (2, "No such option: --zzz (see mm-emor score --help)")


@pytest.mark.job
def test_a_failed_run(tiny_artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "tweets.jsonl").write_text('{"id": "1", "text": "rain"}\nnope\n', encoding="utf-8")
    code, [line] = run(
        *("score", "--items", f"{tmp_path}/tweets.jsonl", "--out", f"{tmp_path}/out"),
        *("--model", str(tiny_artifact), "--max-bad-fraction", "0.1", "--log-format", "json"),
    )
    message = line.pop("message")
    assert (code, line) == (1, COMPLAINT | {"exit_code": 1})
    assert message.startswith("1 of 2 items were refused, more than --max-bad-fraction; ")


@pytest.mark.job
def test_logs_of_a_verbose_run(tiny_artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "tweets.jsonl").write_text('{"id": "1", "text": "rain"}\n', encoding="utf-8")
    code, lines = run(
        *("score", "--items", f"{tmp_path}/tweets.jsonl", "--out", f"{tmp_path}/out"),
        *("--model", str(tiny_artifact), "--log-format", "json", "--verbose"),
    )
    assert code == 0
    assert any(line["logger"].startswith("apache_beam") for line in lines)
    assert {line["level"] for line in lines} >= {"info"}
