"""Beam is patched while a run lasts; before and after it, the process is its host's."""

import threading

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from beam_jobs.runners.local_runner import local_runner
from model.network.backend import VERBOSE_VARIABLE
from tests.support.host_process import patched_parts


def fail_in_thread(name: str) -> None:
    def fail() -> None:
        raise ValueError(name)

    thread = threading.Thread(target=fail, name=name)
    thread.start()
    thread.join()


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a hook of the host's own is told."""
    told: list[str] = []
    monkeypatch.delenv(VERBOSE_VARIABLE, raising=False)  # with it, workers print
    monkeypatch.setattr(threading, "excepthook", lambda hook: told.append(str(hook.exc_value)))
    return told


def test_a_run_leaves_its_process_as_it_was(seen: list[str]) -> None:
    before = patched_parts()
    with local_runner(PipelineOptions([])):
        during = patched_parts()
    assert patched_parts() == before
    assert [name for name in before if during[name] == before[name]] == []


def test_so_does_one_that_fails(seen: list[str]) -> None:
    before = patched_parts()
    with pytest.raises(OSError, match="full"), local_runner(PipelineOptions([])):
        raise OSError("full")
    assert patched_parts() == before


def test_the_host_s_hook_is_told_of_all_threads_but_lost_connections(seen: list[str]) -> None:
    with local_runner(PipelineOptions([])):
        fail_in_thread("of the host")
        fail_in_thread("beam_control_read")
    fail_in_thread("after the run")
    assert seen == ["of the host", "after the run"]
