"""What stands in Dockerfile and deploy/, as far as it can be checked without a service."""

import json
import py_compile
import re
import shlex
import shutil
import subprocess
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
import typer

from beam_jobs.commands.cli import app

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
NOT_IN_TEMPLATE = {
    "from": "a template is the graph of one date",
    "to": "the same",
    "metrics-file": "the launcher's machine is gone, and the job not at its end",
    "json": "nobody reads the launcher's stdout",
    "dry-run": "a launcher that hands no graph over has failed",
    "vcpu-hour-price": "goes with --dry-run",
}
"""The flags without a parameter, and why."""


def score_flags() -> dict[str, Any]:
    command = typer.main.get_command(app).commands["score"]  # type: ignore[attr-defined]
    return {
        option.removeprefix("--"): parameter
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--")
    }


def template() -> dict[str, Any]:
    return json.loads((DEPLOY / "flex_template.json").read_text(encoding="utf-8"))


def launcher() -> Any:
    spec = spec_from_file_location("flex_template", DEPLOY / "flex_template.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pinned(package: str) -> str:
    lines = (ROOT / "requirements" / "gcp.txt").read_text(encoding="utf-8").splitlines()
    [version] = {
        found[1] for line in lines if (found := re.match(rf"{re.escape(package)}==([^ ]+)", line))
    }
    return version


def test_the_image_has_the_pinned_beam() -> None:
    arguments = dict(re.findall(r"^ARG (\w+)=(.+)$", DOCKERFILE, re.M))
    assert arguments == {"PYTHON": "3.11", "BEAM": pinned("apache-beam"), "VARIANT": "cpu"}


def test_the_stages_of_the_image_are_there() -> None:
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", DOCKERFILE, re.M)
    assert len(stages) == len(re.findall(r"^FROM", DOCKERFILE, re.M))
    names = [name for _, name in stages]
    assert names == [
        *("beam", "template", "venv", "packages-cpu", "packages-cuda", "package"),
        *("worker", "launcher"),
    ]
    assert set(re.findall(r"COPY --from=(\S+)", DOCKERFILE)) == {"package", "beam", "template"}


def test_what_the_image_copies_is_there_and_reaches_docker() -> None:
    lines = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.M)
    sources = {source.rstrip("/") for line in lines for source in line.split()[:-1]}
    assert {"setup.py", "beam_jobs", "requirements/gcp.txt", "requirements/gpu.txt"} <= sources
    assert all((ROOT / source).exists() for source in sources), sources
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == sources


def test_the_template_s_parameters_are_the_command_s_flags() -> None:
    flags = score_flags()
    parameters = {
        parameter["name"].replace("_", "-"): parameter for parameter in template()["parameters"]
    }
    assert parameters.keys() | NOT_IN_TEMPLATE.keys() == flags.keys() - {"help"}
    assert not parameters.keys() & NOT_IN_TEMPLATE.keys()
    assert {name.replace("_", "-") for name in launcher().REPEATED} == {
        name for name in parameters if flags[name].multiple
    }
    for name, parameter in parameters.items():
        assert (parameter["paramType"] == "BOOLEAN") == flags[name].is_flag, name
        assert parameter.get("isOptional", False) == (not flags[name].required), name


def test_a_launcher_s_flags_become_the_command_s() -> None:
    flags = [
        *("--items=gs://in/a*.jsonl gs://in/b.csv", "--runner=DataflowRunner"),
        *("--only_new=true", "--redact_text=false", "--temp_location=gs://out/temp"),
        *("--out=gs://out/runs", "--column=item_id=pk text=body", "--log_format=json"),
    ]
    assert launcher().split_flags(flags) == [
        *("score", "--items", "gs://in/a*.jsonl", "--items", "gs://in/b.csv", "--only-new"),
        *("--out", "gs://out/runs", "--column", "item_id=pk", "--column", "text=body"),
        *("--log-format", "json", "--", "--runner=DataflowRunner"),
        "--temp_location=gs://out/temp",
    ]


@pytest.mark.parametrize("name", ["mm-emor.cron", "systemd/mm-emor.service", "airflow_dag.py"])
def test_the_commands_in_the_examples_have_flags_that_exist(name: str) -> None:
    text = (DEPLOY / name).read_text(encoding="utf-8")
    used = set(re.findall(r"(?<!\S)--([a-z-]+)", text.replace('"', " ")))
    assert {"items", "out", "date"} <= used <= score_flags().keys()


def test_the_cron_line_has_its_fields() -> None:
    lines = (DEPLOY / "mm-emor.cron").read_text(encoding="utf-8").splitlines()
    [line] = [line for line in lines if line and line[0].isdigit()]
    fields = line.split(None, 6)
    assert fields[:6] == ["30", "3", "*", "*", "*", "mm-emor"]
    assert not re.search(r"(?<!\\)%", line)  # cron takes a bare one for the end of the line
    assert shlex.split(fields[6])[-1] == "skip"


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    units = [tmp_path / f"mm-emor.{kind}" for kind in ("service", "timer")]
    for unit in units:  # it looks for the command, which is not installed here
        text = (DEPLOY / "systemd" / unit.name).read_text(encoding="utf-8")
        unit.write_text(text.replace("/opt/mm-emor/.venv/bin/mm-emor", "/bin/true"))
    outcome = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")


def test_the_dag_compiles(tmp_path: Path) -> None:
    py_compile.compile(
        str(DEPLOY / "airflow_dag.py"), cfile=str(tmp_path / "dag.pyc"), doraise=True
    )


def test_the_scheduler_s_call_is_what_dataflow_takes(tmp_path: Path) -> None:
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("docker", "gcloud"):  # they note what they are asked for
        command = commands / name
        command.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {tmp_path}/{name}.txt\n')
        command.chmod(0o755)
    names = {"PROJECT": "p", "REGION": "r", "BUCKET": "b", "REPOSITORY": "d", "ACCOUNT": "a@p"}
    subprocess.run(
        ["sh", str(DEPLOY / "cloud_scheduler.sh")],
        env={"PATH": f"{commands}:/usr/bin:/bin", **names},
        check=True,
    )
    asked = (tmp_path / "gcloud.txt").read_text(encoding="utf-8")
    launch = json.loads(asked.partition("--message-body=")[2])["launchParameter"]
    known = {parameter["name"] for parameter in template()["parameters"]}
    required = {p["name"] for p in template()["parameters"] if not p.get("isOptional")}
    assert required <= launch["parameters"].keys() <= known
    assert launch["parameters"]["date"] == "yesterday"
    assert launch["parameters"]["items"] == "gs://b/tweets/{date}*.jsonl"
    [version] = re.findall(r'version="(.+)"', (ROOT / "setup.py").read_text(encoding="utf-8"))
    image = f"r-docker.pkg.dev/p/d/mm-emor:{version}"
    assert launch["environment"]["sdkContainerImage"] == image
    targets = re.findall(r"--target\n(\w+)", (tmp_path / "docker.txt").read_text(encoding="utf-8"))
    assert targets == ["worker", "launcher"]
