import subprocess
import sys
from collections.abc import Iterator

import pytest
from apache_beam.options.pipeline_options import (
    DirectOptions,
    GoogleCloudOptions,
    PipelineOptions,
    SetupOptions,
    StandardOptions,
)

from beam_jobs.runners.option_views import keep_option_views

FLAGS = ["--runner=DirectRunner", "--direct_num_workers=2", "--temp_location=a"]


@pytest.fixture(autouse=True)
def _patched() -> Iterator[None]:
    """Patches Beam as a job does, for one test."""
    with keep_option_views():
        yield


def test_a_view_is_made_once_and_shows_what_is_set_in_another() -> None:
    options = PipelineOptions(FLAGS)
    view = options.view_as(DirectOptions)
    assert view.direct_num_workers == 2
    assert options.view_as(DirectOptions) is view
    options.view_as(SetupOptions).view_as(DirectOptions).direct_num_workers = 3
    assert view.direct_num_workers == 3
    assert options.get_all_options()["direct_num_workers"] == 3


def test_options_share_no_views() -> None:
    first, second = PipelineOptions(FLAGS), PipelineOptions(["--runner=FlinkRunner"])
    first.view_as(StandardOptions)
    assert second.view_as(StandardOptions).runner == "FlinkRunner"


def test_what_is_pickled_holds_no_views_and_not_who_is_impersonated() -> None:
    options = PipelineOptions([*FLAGS, "--impersonate_service_account=a@b"])
    for cls in (GoogleCloudOptions, SetupOptions, StandardOptions):
        options.view_as(cls)
    state = options.__getstate__()
    assert state.keys() == {"_flags", "_all_options", "_visible_options"}
    assert state["_all_options"]["impersonate_service_account"] is None


def test_patching_twice_changes_nothing() -> None:
    once = PipelineOptions.view_as
    with keep_option_views():
        assert PipelineOptions.view_as is once
    assert PipelineOptions.view_as is once


@pytest.mark.job
@pytest.mark.parametrize("flags", [FLAGS, [], ["--streaming", "--experiments=a,b"]])
def test_all_options_are_those_of_beam_itself(flags: list[str]) -> None:
    """Beam's own, asked in a process without the patch, as the reference."""
    ask = f"""
from apache_beam.options.pipeline_options import *
options = PipelineOptions({flags!r})
for cls in PipelineOptions.__subclasses__():
    options.view_as(cls)
print(sorted(options.get_all_options().items(), key=str))
"""
    run = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    options = PipelineOptions(flags)
    for cls in (*PipelineOptions.__subclasses__(), *PipelineOptions.__subclasses__()):
        options.view_as(cls)
    ours = {k: v for k, v in options.get_all_options().items() if f"('{k}'," in run.stdout}
    assert str(sorted(ours.items(), key=str)) == run.stdout.strip()
