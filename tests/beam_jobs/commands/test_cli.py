"""The command as a user runs it: what it prints, and its exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line import Run

ROOT = Path(__file__).parents[3]


def run_process(*arguments: str) -> tuple[int, str, str]:
    outcome = subprocess.run(
        [sys.executable, "-c", "from beam_jobs.commands.cli import main; main()", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "100"},
    )
    return outcome.returncode, outcome.stdout, outcome.stderr


@pytest.fixture
def run(mm_emor: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line in a terminal of 100 columns."""
    monkeypatch.setenv("COLUMNS", "100")
    return mm_emor


@pytest.fixture
def tweets(tmp_path: Path) -> Path:
    path = tmp_path / "tweets.jsonl"
    path.write_text(
        '{"id": "1", "text": "the rain"}\n{"id": "2", "text": "sad"}\n{"id": "3"}\n',
        encoding="utf-8",
    )
    return path


@pytest.mark.job
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
def test_help_breaks_no_word_in_80_columns(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = run(*command, "--help")
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    cut = [line for line in lines if line.endswith(("...", "…")) and "Usage" not in line]
    assert cut in ([], ["  --accelerator type:NAME;count:N;…"])
    if command == ("score",):
        printed = "\n".join(lines)
        for words in (
            *("--pseudonymise-authors ", "<auto|openvino|tensorflow>\n", "|float32>\n"),
            "<auto|plain|x|bluesky|mastodon|reddit|youtube|tiktok>\n",
        ):
            assert words in printed


def test_no_arguments_show_the_help(run: Run) -> None:
    code, out, _ = run()
    assert code == 0
    assert "Commands" in out


@pytest.mark.job
def test_score_prints_a_summary(tiny_artifact: Path, tweets: Path, tmp_path: Path) -> None:
    """In a process of its own, where Beam and OpenVINO start: nothing of theirs is told."""
    out = tmp_path / "out"
    code, stdout, stderr = run_process(
        *("score", "--items", str(tweets), "--out", str(out), "--model", str(tiny_artifact))
    )
    assert (code, stderr) == (0, "")
    assert "3 items" in stdout
    assert "labels        2  (mean confidence 0." in stdout
    assert "modalities    text 2\n" in stdout
    [page] = (out / "reports" / "page").rglob("*.html")
    assert f"→ page         {page}\n" in stdout
    assert "no_content: the item has neither text nor audio" in stdout
    assert f"→ reports      {out}/reports" in stdout


@pytest.mark.job
def test_score_ends_with_one_line_of_json(
    run: Run, tiny_artifact: Path, tweets: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ["--items", str(tweets), "--out", str(out), "--model", str(tiny_artifact)]
    _, stdout, _ = run("score", *arguments, "--date", "2026-11-22", "--json")
    summary = json.loads(stdout)
    assert summary["labels"] == {"text": 2}
    assert summary["dead_letters"] == {"no_content": 1}
    assert (summary["date"], summary["items"], summary["status"]) == ("2026-11-22", 3, "complete")
    assert summary["paths"]["labels"] == f"{out}/labels"
    _, again, _ = run("score", *arguments, "--date", "2026-11-22", "--json", "--if-done", "skip")
    assert json.loads(again)["skipped"] is True
    _, again, _ = run("score", *arguments, "--date", "2026-11-22", "--if-done", "skip")
    assert again == (
        "2026-11-22: complete already, 2 labels and 1 dead letters; nothing was done.\n"
    )


@pytest.mark.job
def test_what_is_uncertain_stands_in_the_summary(
    run: Run, tiny_artifact: Path, tweets: Path, tmp_path: Path
) -> None:
    code, stdout, stderr = run(
        *("score", "--items", str(tweets), "--out", str(tmp_path / "out")),
        *("--model", str(tiny_artifact), "--min-confidence", "1"),
    )
    assert code == 0, stderr
    [line] = [line for line in stdout.split("\n") if line.startswith("│")]
    assert [cell.strip() for cell in line.split("│")[1:4]] == ["uncertain", "2", "100.0\xa0%"]


@pytest.mark.job
def test_without_labels_there_is_no_table(run: Run, tiny_artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "tweets.jsonl").write_bytes(b"")
    code, stdout, stderr = run(
        *("score", "--items", str(tmp_path / "tweets.jsonl"), "--out", str(tmp_path / "out")),
        *("--model", str(tiny_artifact), "--date", "2026-11-22"),
    )
    assert code == 0, stderr
    assert stdout.splitlines()[:2] == [
        "2026-11-22 · 0 items",
        "labels        0: there is no mix of emotions to show",
    ]


@pytest.mark.job
def test_a_failed_run_says_why_in_one_line(
    run: Run, tiny_artifact: Path, tweets: Path, tmp_path: Path
) -> None:
    code, stdout, stderr = run(
        *("score", "--items", str(tweets), "--out", str(tmp_path / "out")),
        *("--model", str(tiny_artifact), "--max-bad-fraction", "0.1", "--json"),
    )
    assert code == 1
    assert stderr.count("\n") == 1
    assert "1 of 3 items were refused" in stderr
    assert json.loads(stdout)["status"] == "too_many_bad_items"


@pytest.mark.job
def test_a_directory_that_cannot_be_written_exits_2_with_one_line(
    run: Run, tiny_artifact: Path, tweets: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    code, _, stderr = run(
        *("score", "--items", str(tweets), "--out", str(tmp_path / "file" / "out")),
        *("--model", str(tiny_artifact)),
    )
    assert code == 2
    assert stderr.startswith(f"mm-emor: --out {tmp_path}/file/out cannot be written: ")
    assert stderr.count("\n") == 1
    assert "Not a directory" in stderr
    assert "_tmp" not in stderr
    code, _, stderr = run(
        *("score", "--items", str(tweets), "--out", str(tmp_path / "file")),
        *("--model", str(tiny_artifact)),
    )
    assert stderr == (
        f"mm-emor: --out {tmp_path}/file is a file; it must be a directory, or not be there yet\n"
    )
    assert code == 2


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
    run: Run, arguments: list[str], message: str, tiny_artifact: Path
) -> None:
    if arguments[0] == "score" and "--model" not in arguments and len(arguments) > 1:
        arguments = [*arguments[:1], "--model", str(tiny_artifact), *arguments[1:]]
    code, stdout, stderr = run(*arguments)
    assert (code, stdout) == (2, ""), stderr
    assert message in stderr
    assert stderr.count("\n") == 1


@pytest.mark.job
def test_a_mistake_in_a_process_of_its_own() -> None:
    code, stdout, stderr = run_process("score", "--out", "x", "--items", "/nowhere/*")
    assert (code, stdout) == (2, "")
    assert stderr == "mm-emor: no file matches /nowhere/*\n"
