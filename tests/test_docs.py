"""The documents name only what there is: paths, links, flags, targets, folders, versions."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from email import message_from_string
from pathlib import Path
from typing import Any

import pytest
import typer

from beam_jobs.commands.cli import app
from beam_jobs.reports.groupings import choose_groupings
from model.errors import UserError
from schemas.labels import label_schema
from tests.docs.shown import DOCUMENTS, ROOT, blocks, commands, links, read, spans, words

PACKAGES = tuple(sorted(path.parent.name for path in ROOT.glob("*/py.typed")))
GROUP: Any = typer.main.get_command(app)
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):(?!=)", MAKEFILE, re.M))
NOT_OURS = {
    "--smoke": "of tests/benchmarks",
    "--no-deps": "pip's",
    "--seed": "of tests/faults",
    "--unit": "of our pytest",
    "--no_wait_until_finish": "Beam's",
    "--dataflow_service_options=worker_accelerator=…": "Beam's",
    "--": "what parts Beam's flags from ours",
}
"""Flags in the documents that `mm-emor` does not have."""
IN_A_BUCKET = {"model/config.json"}
"""Names of objects in tests."""
PLACES = r"(?:beam_jobs|model|schemas|mm_emor|tests|docs|deploy|requirements)/[\w./-]*\w"


def flags_of(command: str | None) -> set[str]:
    parameters = (GROUP if command is None else GROUP.commands[command]).params
    return {option for each in parameters for option in each.opts} | {"--help"}


def shown(document: str) -> list[str]:
    """Returns the commands of blocks and of code spans."""
    programs = r"(\w+=\S+ )*(mm-emor|\.venv/bin/\S+|make|python -m) "
    return [*commands(document), *(span for span in spans(document) if re.match(programs, span))]


def files() -> list[Path]:
    """Returns the files of the tree that are read or run, without what is made by running them."""
    made = {".git", "build", "dist", "out", "demo-out", "demo-report", "sample_corpus"}
    kinds = {".py", ".md", ".toml", ".sql", ".sh", ".service", ".timer", ".cron", ".jinja"}
    found = [ROOT / "Makefile", ROOT / "Dockerfile", ROOT / "NOTICE", ROOT / ".ci" / "run"]
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [
            each for each in folders if each not in made and not each.startswith((".", "__"))
        ]
        found += [Path(folder) / name for name in names if Path(name).suffix in kinds]
    return found


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= 9 * 1024


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    for target in links(document):
        name, _, anchor = target.partition("#")
        path = (ROOT / document).parent / name if name else ROOT / document
        assert path.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
            slugs = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
            assert anchor in slugs, target


def test_no_file_names_a_path_that_is_not_there() -> None:
    missing = {
        f"{path.relative_to(ROOT)}: {place}"
        for path in files()
        for place in re.findall(rf"(?<![\w./-]){PLACES}", path.read_text(encoding="utf-8"))
        if not (ROOT / place).exists() and place not in IN_A_BUCKET
    }
    assert missing == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_the_commands_have_flags_and_targets_that_exist(document: str) -> None:
    for command in shown(document):
        program, *arguments = words(command.replace("…", "X"))
        if program == "make":
            targets = [each for each in arguments if "=" not in each]
            assert set(targets) <= TARGETS, command
            suites = {each.removeprefix("SUITE=") for each in arguments if "SUITE=" in each}
            assert suites <= {*re.findall(r"[a-z_]+", suite_lines()), "X"}, command
        elif program == "mm-emor":
            ours = arguments[: arguments.index("--")] if "--" in arguments else arguments
            name = next((each for each in ours if not each.startswith("-")), None)
            of_group = {"--version", "--show-completion", "--install-completion", "--help"}
            name = None if ours[0] in of_group else name
            used = {each.partition("=")[0] for each in ours if each.startswith("--")}
            assert used <= flags_of(name), command
        elif arguments[:1] == ["-m"]:
            check_module(arguments[1], arguments[2:])
        else:
            assert program in {"pip", "pytest", "python"}, command


def suite_lines() -> str:
    return " ".join(re.findall(r"^[A-Z_]*SUITES := (.+)$", MAKEFILE, re.M))


def check_module(name: str, arguments: list[str]) -> None:
    """A module of ours has the flags; one of others is pytest, and its paths are there."""
    if name == "pytest":
        for path in arguments:
            assert path.startswith("-") or (ROOT / path).exists(), path
        return
    path = ROOT / name.replace(".", "/")
    module = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
    source = module.read_text(encoding="utf-8")
    for flag in (each for each in arguments if each.startswith("--")):
        assert f'"{flag}"' in source, f"{name} has no {flag}"


def test_flags_that_are_named_are_those_of_a_command() -> None:
    every = {flag for name in (None, *GROUP.commands) for flag in flags_of(name)}
    named = {
        span.split()[0]
        for document in DOCUMENTS
        for span in spans(document)
        if span.startswith("--")
    }
    assert named - every == NOT_OURS.keys()


def test_every_flag_of_score_and_report_is_explained() -> None:
    told = read("docs/scoring.md") + read("docs/reports.md") + read("docs/operations.md")
    named = set(re.findall(r"--[a-z-]+", told))
    for command in ("score", "report"):
        assert flags_of(command) - named == {"--help", "beam_flags"}


def test_what_reports_group_by_besides_columns_is_named() -> None:
    with pytest.raises(UserError) as caught:
        choose_groupings(["nothing"])
    named = re.findall(r"\w+(?=,| of )", str(caught.value).partition("it groups by ")[2])
    special = {*named} - {*label_schema(()).names}
    assert special == {"repost", "hashtag", "x_FIELD"}
    [row] = [line for line in read("docs/reports.md").splitlines() if line.startswith("| `--by ")]
    assert [each for each in special if f"`{each}`" not in row] == []


def test_the_layout_is_the_tree_s() -> None:
    """Each folder of the layout is there, and each room and top folder stands in it."""
    layout = blocks("CONTRIBUTING.md")[0].text
    named: set[str] = set()
    above: dict[int, str] = {0: ""}
    for indent, name in re.findall(r"^( *)(\w+/) ", layout, re.M):
        above[len(indent) + 2] = above[len(indent)] + name
        named.add(above[len(indent) + 2].rstrip("/"))
    assert all((ROOT / each).is_dir() for each in named), named

    holds = {path.parent for path in files()} | {ROOT / "beam_jobs" / "sample_corpus"}
    folders = {
        folder.relative_to(ROOT)
        for each in holds | {ROOT / "requirements"}
        for folder in (each, *each.parents)
        if folder.is_relative_to(ROOT) and folder != ROOT
    }
    wanted = set()
    for folder in folders:
        first, *rest = folder.parts
        mirrors = first == "tests" and rest and rest[0] in {*PACKAGES, "docs"}
        below = first in {"deploy", "docs", "requirements"} and rest
        if not (first.startswith(".") or mirrors or below):
            wanted.add(str(folder))
    assert named == wanted


def test_the_version_is_one() -> None:
    [version] = re.findall(r'version="(.+)"', (ROOT / "setup.py").read_text(encoding="utf-8"))
    newest, *_ = re.findall(r"^## \[(.+)\] - (\d{4}-\d\d-\d\d)$", read("CHANGES.md"), re.M)
    assert newest[0] == version
    images = (ROOT / "deploy" / "cloud_scheduler.sh").read_text(encoding="utf-8")
    assert set(re.findall(r"mm-emor(?:-launcher)?:([\d.]+)", images)) == {version}


def test_changes_are_dated_newest_first() -> None:
    first, *titles = re.findall(r"^## (.+)$", read("CHANGES.md"), re.M)
    assert first == "[Unreleased]"
    dates = [re.fullmatch(r"\[\d+\.\d+\.\d+\] - (\d{4}-\d\d-\d\d)", title) for title in titles]
    assert all(dates)
    assert sorted((date[1] for date in dates if date), reverse=True) == [
        date[1] for date in dates if date
    ]
    kinds = set(re.findall(r"^### (.+)$", read("CHANGES.md"), re.M))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_hooks_before_a_commit_are_local() -> None:
    hooks = read(".pre-commit-config.yaml")
    assert re.findall(r"repo: (.+)", hooks) == ["local"]
    entries = [entry.split()[0] for entry in re.findall(r"entry: (.+)", hooks)]
    lint = re.findall(r"^lint:.*\n((?:\t.*\n)+)", MAKEFILE, re.M)[0]
    tools = {Path(entry).name for entry in entries}
    assert tools == set(re.findall(r"\$\(BIN\)/(\w+)", lint))


@pytest.mark.job
def test_no_link_of_the_metadata_needs_the_tree(tmp_path: Path) -> None:
    command = [sys.executable, "setup.py", "-q", "egg_info", "--egg-base", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True)
    [path] = tmp_path.glob("*/PKG-INFO")
    metadata = message_from_string(path.read_text(encoding="utf-8"))
    home = metadata["Home-page"]
    names = [link.partition(",")[0] for link in metadata.get_all("Project-URL") or ()]
    assert sorted(names) == ["Changes", "Documentation", "Issues", "Paper", "Source"]
    readme = read("README.md")
    inside = {*links("README.md")}
    described = metadata.get_payload()
    assert isinstance(described, str)
    targets = re.findall(r"\]\(([^)]+)\)", described)
    assert len(targets) == readme.count("](")
    assert [each for each in targets if not each.startswith("https://")] == []
    at_home = {each.removeprefix(f"{home}/") for each in targets if each.startswith(home)}
    folder = {"docs/report.png": "raw"}
    assert at_home == {f"{folder.get(each, 'blob')}/HEAD/{each}" for each in inside}


def test_the_metadata_is_whole() -> None:
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    [call] = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setup"
    ]
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    classifiers = ast.literal_eval(given["classifiers"])
    [ruff] = re.findall(
        r"py3(\d+)", tomllib.loads(read("pyproject.toml"))["tool"]["ruff"]["target-version"]
    )
    assert f"Programming Language :: Python :: 3.{ruff}" in classifiers
    low, high = re.findall(r"3\.(\d+)", ast.literal_eval(given["python_requires"]))
    minors = {int(m) for each in classifiers for m in re.findall(r"Python :: 3\.(\d+)$", each)}
    assert minors == set(range(int(low), int(high)))
    assert ast.literal_eval(given["author"]) == "The MM-EMOR authors"
