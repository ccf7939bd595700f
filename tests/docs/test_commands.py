"""The documents' commands run as they stand, in their order; what is shown is what comes out."""

import doctest
import json
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from model.scoring.artifact import Artifact
from tests.docs.shown import DOCUMENTS, blocks, commands, read, words
from tests.docs.workplace import Outcome, Workplace, make_workplace, today, yesterday

pytestmark = pytest.mark.slow

NOT_RUN = {
    r"^make ": "makes environments, or runs for minutes; that the target exists is tested",
    r"-m tests\.faults\.|-m pytest": "hours of faults, and tests: run by themselves",
    r"gs://": "Google Cloud Storage, which is not to be reached from a test",
    r"--runner ": "a job server or Dataflow",
    r"^\S*mm-emor reproduce ": "trains for hours; `tests/model/paper` runs it on tiny corpora",
    r"--folds ": "trains five models; `tests/model/test_cli.py` runs two folds of a tiny corpus",
    r"…": "stands for the rest of a command",
}
"""What is not run here, and why; its flags are checked in `tests/test_docs.py`."""
GO_ON = [
    each for each in DOCUMENTS if each not in {"README.md", "model/default_model/MODEL_CARD.md"}
]
"""Documents whose commands go on from the README's; the card's are those of docs/training.md."""
ENDS_WITH_1 = {"--from 2026-11-01 --to 2026-11-22": "20 of the 22 dates have no file here"}


def runnable(document: str) -> list[str]:
    return [
        command
        for command in commands(document)
        if not any(re.search(pattern, command) for pattern in NOT_RUN)
    ]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    return make_workplace(tmp_path_factory.mktemp("work"))


@pytest.fixture(scope="module")
def ran(workplace: Workplace) -> dict[str, Outcome]:
    """The README's commands, run one after the other: what the other documents go on from."""
    return {command: workplace.run(command) for command in runnable("README.md")}


@pytest.fixture(scope="module")
def demo(workplace: Workplace) -> Outcome:
    return workplace.run("mm-emor demo --out demo-out")


@pytest.fixture(scope="module", autouse=True)
def on_a_plain_processor() -> Iterator[None]:
    """What is shown was printed in float32, which a processor with AMX or VNNI does not choose."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr("model.scoring.engine.cpu_flags", frozenset)
        yield


@pytest.fixture(autouse=True)
def started_from_bash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Completion goes by the shell that has started the process; a scheduler's has none."""
    monkeypatch.setattr("shellingham.detect_shell", lambda: ("bash", "/bin/bash"))


@pytest.fixture
def here(workplace: Workplace) -> Iterator[Path]:
    with workplace.entered():
        yield workplace.path


def test_every_reason_is_needed() -> None:
    shown = [command for document in DOCUMENTS for command in commands(document)]
    for pattern in NOT_RUN:
        assert any(re.search(pattern, command) for command in shown), pattern


def test_the_readme_from_first_to_last(ran: dict[str, Outcome], workplace: Workplace) -> None:
    assert [words(command)[1] for command in ran] == [
        *("score", "verify", "report", "train", "evaluate", "export", "score")
    ]
    assert {command: outcome.code for command, outcome in ran.items()} == dict.fromkeys(ran, 0)
    printed = {words(command)[1]: outcome.out for command, outcome in ran.items()}

    [label] = pq.read_table(workplace.path / "out" / "labels").to_pylist()
    assert (label["item_id"], label["modality"]) == ("1003", "text+audio")
    verified = rf"{today()} complete, labels 1, dead letters 0, \d+ files as written\n"
    assert re.fullmatch(verified, printed["verify"])
    assert printed["report"].endswith("→ report/report.html\n")

    artifact = Artifact.load(workplace.path / "my-model")
    assert (
        printed["export"].splitlines()[-1] == f"model {artifact.model_version} written to my-model"
    )
    assert "manifest, validation: n 12\n" in printed["evaluate"]
    table = pd.read_csv(workplace.path / "my-items.csv", dtype=str)
    labelled = pq.read_table(workplace.path / "labelled" / "labels").to_pandas()
    assert sorted(labelled["item_id"]) == sorted(table["id"])
    assert set(labelled["model_version"]) == {artifact.model_version}
    assert "engine        OpenVINO, float32, CPU\n" in printed["score"]
    # Texts tell their emotion by one word, which this model has learned.
    labels = labelled.merge(table, left_on="item_id", right_on="id")
    texts = labels[labels["modality"] == "text"]
    assert texts["emotion"].tolist() == texts["label"].tolist()
    assert len(texts) == 15


def test_the_readme_s_tweets_have_these_labels(workplace: Workplace) -> None:
    rows = re.findall(r"^\| (.+) \| (\w+) \| (0\.\d\d) \|$", read("README.md"), re.M)
    assert len(rows) == 5
    items = [{"item_id": text, "text": text} for text, *_ in rows]
    path = workplace.path / "five.jsonl"
    path.write_text("".join(f"{json.dumps(item)}\n" for item in items), encoding="utf-8")
    assert workplace.run("mm-emor score --items five.jsonl --engine openvino --out five").code == 0
    scored = pq.read_table(workplace.path / "five" / "labels").to_pylist()
    labels = {label["item_id"]: label for label in scored}
    assert {text: label["emotion"] for text, label in labels.items()} == {
        text: emotion for text, emotion, _ in rows
    }
    for text, _, confidence in rows:
        assert labels[text]["confidence"] == pytest.approx(float(confidence), abs=0.005001)


@pytest.mark.parametrize("document", GO_ON)
def test_the_commands_of(document: str, workplace: Workplace, ran: dict[str, Outcome]) -> None:
    assert ran
    if document == "docs/operations.md":  # which reports on the day before
        made = f"mm-emor score --items tweets.jsonl --date {yesterday()} --out out/"
        assert workplace.run(made).code == 0
    for command in runnable(document):
        outcome = workplace.run(command)
        expected = int(any(part in command for part in ENDS_WITH_1))
        assert outcome.code == expected, f"{command}\n{outcome.err}"


def test_what_the_demo_prints(demo: Outcome) -> None:
    shown = blocks("docs/scoring.md")[0].text.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    assert demo.code == 0
    printed = demo.out.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    for line in shown:
        if line.split()[0] in {"…", "time"} or line.startswith("→ page"):
            continue
        assert line in printed


def test_python_in_the_documents(here: Path, demo: Outcome, ran: dict[str, Outcome]) -> None:
    for document in ("README.md", "docs/scoring.md"):
        code = "".join(each.text for each in blocks(document) if each.language == "python")
        test = doctest.DocTestParser().get_doctest(code, {}, document, document, 0)
        assert test.examples
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
        assert runner.run(test).failed == 0


def test_questions_to_the_demo_s_report(here: Path, demo: Outcome, workplace: Workplace) -> None:
    [command] = re.findall(r"`(mm-emor report --labels demo-out [^`]+)`", read("docs/reports.md"))
    assert workplace.run(command).code == 0
    shown = blocks("docs/reports.md")
    places = [place for place, each in enumerate(shown) if each.language == "sql"]
    assert len(places) == 3
    for place in places:
        answer = str(duckdb.sql(shown[place].text)).strip()
        assert answer == shown[place + 1].text.strip()


def test_the_import_that_is_shown(workplace: Workplace) -> None:
    shown = [each.text for each in blocks("docs/import.md") if each.text.count("\n") > 3]
    importing, calibrating = (
        next(each for each in commands("docs/import.md") if f"mm-emor {name} " in each)
        for name in ("import", "calibrate")
    )
    for command, text in ((importing, shown[-2]), (calibrating, shown[-1])):
        outcome = workplace.run(command)
        assert outcome.code == 0, outcome.err
        assert re.sub(r"model \w{16}|\d\.\d{4}", "#", outcome.out) == re.sub(
            r"model \w{16}|\d\.\d{4}", "#", text
        )
        numbers = [
            [float(each) for each in re.findall(r"\d\.\d{4}", told)] for told in (outcome.out, text)
        ]
        assert numbers[0] == pytest.approx(numbers[1], abs=0.01)


def test_the_evaluation_that_is_shown(real_data: Path, workplace: Workplace) -> None:
    [command] = re.findall(
        r"`\.venv/bin/(mm-emor evaluate --dataset goe[^`]+)`", read("docs/training.md")
    )
    outcome = workplace.run(command.replace("DATA", str(real_data)))
    [shown] = [each.text for each in blocks("docs/training.md") if "latency" in each.text]

    def told(text: str) -> tuple[list[str], list[float]]:
        lines = [line for line in text.splitlines() if "latency" not in line]
        numbers = [float(each) for line in lines for each in re.findall(r"\b\d*\.?\d+\b", line)]
        return [re.sub(r"\d*\.\d+|\d+%", "#", line) for line in lines], numbers

    assert told(outcome.out)[0] == told(shown)[0]
    assert told(outcome.out)[1] == pytest.approx(told(shown)[1], abs=0.01)
