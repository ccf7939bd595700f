"""Imports point one way: schemas, then model, then beam_jobs."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"schemas", "model", "beam_jobs"}
ALLOWED = {"schemas": {"schemas"}, "model": {"schemas", "model"}, "beam_jobs": OURS}
TRAINING_SIDE = {
    "model.audio_training",
    "model.batches",
    "model.comparison",
    "model.cross_validation",
    "model.datasets",
    "model.evaluation",
    "model.evaluation_files",
    "model.figures",
    "model.finished_part",
    "model.fitting",
    "model.fusion_training",
    "model.metrics",
    "model.paper",
    "model.paper_tables",
    "model.reproduction",
    "model.results",
    "model.results_page",
    "model.strip_store",
    "model.summed_adam",
    "model.text_training",
    "model.training",
    "model.training_config",
    "model.training_data",
    "model.vocabulary",
}


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            yield node.module


@pytest.mark.parametrize("package", sorted(OURS))
def test_packages_import_only_those_before_them(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        ours = {name.partition(".")[0] for name in imports_of(path)} & OURS
        assert ours <= ALLOWED[package], path


def test_schemas_need_pyarrow_only() -> None:
    for path in (ROOT / "schemas").rglob("*.py"):
        roots = {name.partition(".")[0] for name in imports_of(path)} - OURS
        assert roots - sys.stdlib_module_names <= {"pyarrow"}, path


def test_the_model_knows_no_beam() -> None:
    for path in (ROOT / "model").rglob("*.py"):
        assert not any(name.startswith("apache_beam") for name in imports_of(path)), path


def test_the_job_uses_the_scoring_side_of_the_model_only() -> None:
    for path in (ROOT / "beam_jobs").rglob("*.py"):
        for name in imports_of(path):
            assert not any(
                name == training or name.startswith(f"{training}.") for training in TRAINING_SIDE
            ), path


def test_the_training_side_is_where_it_is_said_to_be() -> None:
    """A module that was renamed would be guarded no longer."""
    for name in TRAINING_SIDE:
        path = ROOT / name.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file(), name


def test_torch_is_never_imported() -> None:
    for package in OURS:
        for path in (ROOT / package).rglob("*.py"):
            assert "torch" not in {name.partition(".")[0] for name in imports_of(path)}, path
