"""The files of pins, what setup.py asks for, and every `pip install` of the tree."""

import re
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest
import setuptools

from model.extras import TARGETS, Extra

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
NOT_IN_BASE = {
    *("keras", "librosa", "matplotlib", "pandas", "scikit-learn", "tensorboard", "tensorflow"),
    *("torch", "transformers"),
}
INSTALL = re.compile(r"\bpip3?(?:\.exe)?\s+install\b")
OTHER_PIP = re.compile(r"virtualenv|--without-pip|ensurepip|\buv (?:venv|sync|pip [is])")
ALLOWED = [
    # From a file of pins. PINNED is looked at by itself.
    r"(?:-q )?(?:--no-deps --require-hashes|\$\(PINNED\)) -r (?:\S+\.txt|\$<)(?: && pip check)?",
    # This package, over what is pinned.
    r"(?:-q )?--no-deps --no-build-isolation (?:-e )?\.(?: && pip check)?",
    # Somebody else's environment, in the docs.
    r"['\"]?mm-emor(?:\[[a-z,]+\])?['\"]?",
]
"""What may follow `pip install`, to the end of the command."""


def pins(name: str) -> set[str]:
    """Returns the pins of a file, each with its marker."""
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    found = re.findall(r"^[a-z0-9._-]+(?:\[[^]]+\])?==[^\\\n]+", text, re.M)
    assert found
    return {pin.strip() for pin in found}


def names(name: str) -> set[str]:
    return {re.split(r"\[|==", pin)[0] for pin in pins(name)}


def versions(name: str) -> set[str]:
    """Returns the pins without the markers, which say where a package is wanted."""
    return {re.sub(r"\[[^]]+\]|\s*;.*", "", pin) for pin in pins(name)}


@pytest.fixture(scope="module")
def setup_arguments() -> dict[str, Any]:
    given: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(setuptools, "setup", lambda **arguments: given.update(arguments))
        runpy.run_path(str(ROOT / "setup.py"))
    return given


def test_the_base_has_nothing_of_training() -> None:
    assert not names("base.txt") & NOT_IN_BASE
    assert {"apache-beam", "openvino", "setuptools"} <= names("base.txt")


@pytest.mark.parametrize("name", ["base.txt", "train.txt", "gcp.txt"])
def test_what_is_installed_for_a_part_is_what_the_tests_run_with(name: str) -> None:
    assert versions("base.txt") <= versions(name) <= versions("dev.txt")


def test_a_gpu_gets_the_same_versions_and_nvidia_s_libraries() -> None:
    assert versions("gcp.txt") <= versions("gpu.txt")
    added = versions("gpu.txt") - versions("dev.txt")
    assert {"nvidia-cudnn-cu12", "nvidia-nccl-cu12"} <= {pin.split("==")[0] for pin in added}
    assert all(pin.startswith("nvidia-") for pin in added), added


def test_every_pin_has_a_hash() -> None:
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        for entry in re.split(r"^(?=[a-z0-9])", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
            assert re.match(r"\S+==[^\n]+\\\n    --hash=sha256:[0-9a-f]{64}", entry), entry[:80]


def test_extras_are_known_by_setup_and_make(setup_arguments: dict[str, Any]) -> None:
    extras = setup_arguments["extras_require"]
    assert extras.keys() == {*Extra, "all", "dev"}
    assert {*extras["train"], "nncf>=3.4,<4"} == {*extras["export"]}
    assert {*extras["export"], *extras["gcp"]} == {*extras["all"]} < {*extras["dev"]}
    for extra, target in TARGETS.items():
        [part] = re.findall(rf"^{target}: \$\(VENV\)/\.(\w+)  ## ", MAKEFILE, re.M)
        asked = {re.split(r"[\[<>=]", requirement)[0] for requirement in extras[extra]}
        assert {name.replace("_", "-") for name in asked} <= names(f"{part}.txt")


def test_what_we_patch_is_held_below_its_next_minor_release(
    setup_arguments: dict[str, Any],
) -> None:
    asked = [
        *setup_arguments["install_requires"],
        *(each for extra in setup_arguments["extras_require"].values() for each in extra),
    ]
    for package in ("apache-beam", "keras"):
        found = {each for each in asked if re.match(rf"{package}\b", each)}
        assert found
        for each in found:
            [(low, high)] = re.findall(r">=\d+\.(\d+),<\d+\.(\d+)$", each)
            assert int(high) == int(low) + 1, each


def tracked_texts() -> dict[str, str]:
    """Returns the content of each tracked text file, by its path."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    texts = {}
    for name in filter(None, listed.stdout.decode().split("\0")):
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b"\0"
        if b"\0" not in content:
            texts[name] = content.decode("utf-8", errors="replace")
    return texts


def install_commands(text: str) -> list[str]:
    r"""Returns what follows each `pip install`, to the end of the command.

    >>> install_commands("RUN pip install -r a.txt \\\n    && pip check\n# `pip install b`, or not")
    ['-r a.txt && pip check', 'b']
    """
    joined = re.sub(r"\s*\\\n\s*", " ", text)
    rests = [joined[found.end() :].split("\n", 1)[0] for found in INSTALL.finditer(joined)]
    return [re.split(r"[`]|  ?#", rest)[0].strip() for rest in rests]


def test_every_pip_install_is_pinned_or_installs_this_package() -> None:
    texts = tracked_texts()
    here = str(Path(__file__).relative_to(ROOT))
    found = {name: install_commands(text) for name, text in texts.items() if name != here}
    assert found["Makefile"]
    assert found["Dockerfile"]
    for name, commands in found.items():
        for command in commands:
            assert any(re.fullmatch(form, command) for form in ALLOWED), f"{name}: {command}"


def test_pinned_means_no_look_up_and_hashes() -> None:
    assert re.findall(r"^PINNED := (.+)$", MAKEFILE, re.M) == ["-q --no-deps --require-hashes"]


def test_environments_are_made_by_the_interpreter_s_own_pip() -> None:
    """Also in CI: what it builds is what a user gets."""
    assert "$(PYTHON) -m venv $(VENV)" in MAKEFILE
    for name in ("Makefile", ".ci/run", "Dockerfile"):
        assert not OTHER_PIP.search((ROOT / name).read_text(encoding="utf-8")), name
