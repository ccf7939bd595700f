"""Tells unit tests from those that run a job or start TensorFlow, and holds them to it.

Tests of modules that start TensorFlow on import carry the mark `tensorflow` of themselves, as do
those that use a fixture which starts it; the directories of JOB_DIRECTORIES, and doctests of a
pipeline, the mark `job`.
The others are marked where they stand: `job` for a test that runs a pipeline or a command in a
process of its own, `tensorflow` for one that starts it. With `--unit` neither is run, and a test
without a mark that does either fails.
"""

import importlib
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.starts_tensorflow import HEAVY, ROOT, starts_tensorflow

OTHER_KINDS = ("job", "tensorflow")
TENSORFLOW_FIXTURES = {"trained_artifact", "eager_tensorflow"}
JOB_FIXTURES = {"storage", "written", "browser"}
STARTS_A_JOB = ("beam.Pipeline(", "score_corpus(")
JOB_DIRECTORIES = ("jobs", "docs", "warehouse")
"""Of the tests: what stands there is of whole jobs, and of commands as a reader types them."""


class MarkTests:
    """Marks tests by what their module imports and by the fixtures that they use."""

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        """Adds the marks of a test as soon as it is found."""
        fixtures = set(getattr(item, "fixturenames", ()))
        if fixtures & TENSORFLOW_FIXTURES or (
            item.path.suffix == ".py" and starts_tensorflow(item.path)
        ):
            item.add_marker("tensorflow")
        dtest = item.dtest if isinstance(item, pytest.DoctestItem) else None
        if dtest and any(
            start in example.source for example in dtest.examples for start in STARTS_A_JOB
        ):
            item.add_marker("job")
        room = item.path.relative_to(ROOT).parts[:2]
        if fixtures & JOB_FIXTURES or room in {("tests", each) for each in JOB_DIRECTORIES}:
            item.add_marker("job")


class KeepUnitTestsLight(MetaPathFinder):
    """Leaves out other tests, and fails a unit test that starts TensorFlow or a pipeline."""

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Leaves out modules that start TensorFlow when they are imported."""
        is_heavy = collection_path.suffix == ".py" and starts_tensorflow(collection_path)
        return True if is_heavy else None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Leaves out what is marked as another kind of test."""
        other = [item for item in items if any(map(item.get_closest_marker, OTHER_KINDS))]
        config.hook.pytest_deselected(items=other)
        items[:] = [item for item in items if item not in set(other)]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        """Watches fixtures and the test."""
        beam = importlib.import_module("apache_beam")
        sys.meta_path.insert(0, self)
        run, beam.Pipeline.run = beam.Pipeline.run, _refuse_pipeline
        try:
            return (yield)
        finally:
            beam.Pipeline.run = run
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Takes the import of TensorFlow over; to look whether it is installed is no import."""
        return ModuleSpec(fullname, _RefusedImport()) if fullname in HEAVY else None


class _RefusedImport(Loader):
    def create_module(self, spec: ModuleSpec) -> None:
        pytest.fail(f"a unit test imports {spec.name}: mark it `tensorflow`")

    def exec_module(self, module: ModuleType) -> None:
        """Import asks whether it is there, and is never so far."""


def _refuse_pipeline(*_: Any, **__: Any) -> None:
    pytest.fail("a unit test runs a pipeline: mark it `job`")
