"""The command as a user runs it: what it prints, and its exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run(*arguments: str, columns: int = 100) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from beam_jobs.commands.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": str(columns)},
    )


@pytest.fixture
def tweets(tmp_path: Path) -> Path:
    path = tmp_path / "tweets.jsonl"
    path.write_text(
        '{"id": "1", "text": "the rain"}\n{"id": "2", "text": "sad"}\n{"id": "3"}\n',
        encoding="utf-8",
    )
    return path


def test_help_imports_neither_beam_nor_tensorflow() -> None:
    code = (
        "import sys\n"
        "from beam_jobs.commands.cli import app\n"
        "from beam_jobs.commands.exit_code import run_command\n"
        "run_command(lambda: app(['--help'], standalone_mode=False))\n"
        "names = ('apache_beam', 'tensorflow', 'keras', 'google.auth', 'google.cloud.storage')\n"
        "print([name for name in names if name in sys.modules])"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert outcome.stdout.endswith("[]\n")
    for command in ("score", "demo", "train", "evaluate"):
        assert command in outcome.stdout


@pytest.mark.parametrize("command", [(), ("score",), ("evaluate",)])
def test_help_breaks_no_word_in_80_columns(command: tuple[str, ...]) -> None:
    lines = run(*command, "--help", columns=80).stdout.splitlines()
    assert max(map(len, lines)) <= 80
    cut = [line for line in lines if line.endswith(("...", "…")) and "Usage" not in line]
    assert cut in ([], ["  --accelerator type:NAME;count:N;…"])
    if command == ("score",):
        printed = "\n".join(lines)
        for words in ("--pseudonymise-authors ", "<auto|tensorflow|onnx>\n", "|bfloat16>\n"):
            assert words in printed


def test_no_arguments_show_the_help() -> None:
    outcome = run()
    assert outcome.returncode == 0
    assert "Commands" in outcome.stdout


def test_score_prints_a_summary(tiny_artifact: Path, tweets: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    outcome = run("score", "--items", str(tweets), "--out", str(out), "--model", str(tiny_artifact))
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stderr == ""
    assert "3 items" in outcome.stdout
    assert "labels        2  (mean confidence 0." in outcome.stdout
    assert "modalities    text 2\n" in outcome.stdout
    [page] = (out / "reports" / "page").rglob("*.html")
    assert f"→ page         {page}\n" in outcome.stdout
    assert "no_content: the item has neither text nor audio" in outcome.stdout
    assert f"→ reports      {out}/reports" in outcome.stdout


def test_score_ends_with_one_line_of_json(
    tiny_artifact: Path, tweets: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ["--items", str(tweets), "--out", str(out), "--model", str(tiny_artifact)]
    outcome = run("score", *arguments, "--date", "2026-11-22", "--json")
    summary = json.loads(outcome.stdout)
    assert summary["labels"] == {"text": 2}
    assert summary["dead_letters"] == {"no_content": 1}
    assert (summary["date"], summary["items"], summary["status"]) == ("2026-11-22", 3, "complete")
    assert summary["paths"]["labels"] == f"{out}/labels"
    again = run("score", *arguments, "--date", "2026-11-22", "--json", "--if-done", "skip")
    assert json.loads(again.stdout)["skipped"] is True
    again = run("score", *arguments, "--date", "2026-11-22", "--if-done", "skip")
    assert again.stdout == (
        "2026-11-22: complete already, 2 labels and 1 dead letters; nothing was done.\n"
    )


def test_what_is_uncertain_stands_in_the_summary(
    tiny_artifact: Path, tweets: Path, tmp_path: Path
) -> None:
    outcome = run(
        *("score", "--items", str(tweets), "--out", str(tmp_path / "out")),
        *("--model", str(tiny_artifact), "--min-confidence", "1"),
    )
    assert outcome.returncode == 0, outcome.stderr
    [line] = [line for line in outcome.stdout.split("\n") if line.startswith("│")]
    assert [cell.strip() for cell in line.split("│")[1:4]] == ["uncertain", "2", "100.0\xa0%"]


def test_without_labels_there_is_no_table(tiny_artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "tweets.jsonl").write_bytes(b"")
    outcome = run(
        *("score", "--items", str(tmp_path / "tweets.jsonl"), "--out", str(tmp_path / "out")),
        *("--model", str(tiny_artifact), "--date", "2026-11-22"),
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.splitlines()[:2] == [
        "2026-11-22 · 0 items",
        "labels        0: there is no mix of emotions to show",
    ]


def test_a_failed_run_says_why_in_one_line(
    tiny_artifact: Path, tweets: Path, tmp_path: Path
) -> None:
    outcome = run(
        *("score", "--items", str(tweets), "--out", str(tmp_path / "out")),
        *("--model", str(tiny_artifact), "--max-bad-fraction", "0.1", "--json"),
    )
    assert outcome.returncode == 1
    assert outcome.stderr.count("\n") == 1
    assert "1 of 3 items were refused" in outcome.stderr
    assert json.loads(outcome.stdout)["status"] == "too_many_bad_items"


def test_a_directory_that_cannot_be_written_exits_2_with_one_line(
    tiny_artifact: Path, tweets: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    outcome = run(
        *("score", "--items", str(tweets), "--out", str(tmp_path / "file" / "out")),
        *("--model", str(tiny_artifact)),
    )
    assert outcome.returncode == 2
    assert outcome.stderr.startswith(f"mm-emor: --out {tmp_path}/file/out cannot be written: ")
    assert outcome.stderr.count("\n") == 1
    assert "Not a directory" in outcome.stderr
    assert "_tmp" not in outcome.stderr
    outcome = run(
        *("score", "--items", str(tweets), "--out", str(tmp_path / "file")),
        *("--model", str(tiny_artifact)),
    )
    assert outcome.stderr == (
        f"mm-emor: --out {tmp_path}/file is a file; it must be a directory, or not be there yet\n"
    )
    assert outcome.returncode == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--nope"], "No such option: --nope"),
        (["scoer"], "No such command 'scoer'"),
        (["score"], "Missing option '--out'"),
        (["score", "--out", "x"], "there is nothing to score"),
        (["score", "--out", "x", "--items", "/nowhere/*"], "no file matches /nowhere/*"),
        (["score", "--out", "x", "--date", "2026-13-01"], "--date is '2026-13-01'"),
        (["score", "--out", "x", "--column", "id"], "--column is 'id'; it must be FIELD=NAME"),
        (
            ["score", "--out", "x", "--items", "y", "--batch-size", "0"],
            "--batch-size is 0; it must be at least 1",
        ),
        (
            ["score", "--out", "x", "--items", "y", "--max-bad-fraction", "2"],
            "--max-bad-fraction is 2.0; it must be at most 1",
        ),
        (
            ["score", "--out", "x", "--items", "y", "--min-confidence", "-0.1"],
            "--min-confidence is -0.1; it must be at least 0",
        ),
        (
            ["score", "--out", "x", "--items", "y", "--min-confidence", "1.5"],
            "--min-confidence is 1.5; it must be at most 1",
        ),
        (
            ["score", "--out", "x", "--items", "y", "--min-confidence", "nan"],
            "--min-confidence is nan; it must be a finite number",
        ),
        (["score", "--out", "x", "--items", "y", "--model", "/nowhere"], "/nowhere is no artifact"),
        (["score", "--out", "x", "--items", "y", "--", "--runer", "x"], "--runer is not a flag"),
        (["score", "--out", "x", "--items", "y", "stray"], "stray stands alone: quote a pattern"),
        (["score", "--out", "x", "--items", "/"], "/ is a directory; name its files"),
        (["score", "--out", "x", "--items", "y", "--", "--runner=Nope"], "--runner is 'Nope'"),
        (["score", "--out", "x", "--if-done", "maybe"], "'--if-done': 'maybe' is not one of"),
    ],
)
def test_mistakes_exit_2_with_one_line(
    arguments: list[str], message: str, tiny_artifact: Path
) -> None:
    if arguments[0] == "score" and "--model" not in arguments and len(arguments) > 1:
        arguments = [*arguments[:1], "--model", str(tiny_artifact), *arguments[1:]]
    outcome = run(*arguments)
    assert outcome.returncode == 2, outcome.stderr
    assert message in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert outcome.stdout == ""
