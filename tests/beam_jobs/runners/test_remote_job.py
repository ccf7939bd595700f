"""What Dataflow would get: a local server takes the job, and the graph is read back."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2

from beam_jobs.commands.estimates import TIME_OVER_MEASURED
from beam_jobs.commands.plan import describe, plan_job
from beam_jobs.runners.remote_job import Submitted
from beam_jobs.scoring import launch
from beam_jobs.scoring.launch import score_corpus
from beam_jobs.scoring.prepared_job import prepare_job
from model.errors import UserError
from tests.support.buckets import objects, put, request_for
from tests.support.dataflow_server import DataflowServer
from tests.support.storage_server import StorageServer

ROOT = Path(__file__).parents[3]
IMAGE = "registry.example/mm-emor:0.2.0"
T4 = "type:nvidia-tesla-t4;count:1;install-nvidia-driver"
FLAGS = (
    "--runner=DataflowRunner",
    "--project=a-project",
    "--region=europe-west1",
    "--temp_location=gs://out/temp",
    f"--sdk_container_image={IMAGE}",
)


def cloud_request(**changes: Any) -> Any:
    return request_for("gs://in", "gs://out/runs", **({"beam_flags": FLAGS} | changes))


def graph_sent(job: dict[str, Any]) -> tuple[bytes, Any]:
    """The graph that the job points to."""
    uri = job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]
    content = objects()[uri.removeprefix("gs://out/")]
    return content, beam_runner_api_pb2.Pipeline.FromString(content)


def hints_by_step(graph: Any) -> dict[str, set[str]]:
    """For each accelerator, the steps of which some part asks for it; none: an empty word."""
    urn = common_urns.resource_hints.ACCELERATOR.urn
    found: dict[str, set[str]] = {}
    for transform in graph.components.transforms.values():
        if transform.environment_id:
            environment = graph.components.environments[transform.environment_id]
            hint = environment.resource_hints.get(urn, b"").decode()
            found.setdefault(hint, set()).add(transform.unique_name.partition("/")[0])
    return found


@pytest.mark.job
def test_the_graph_that_dataflow_gets(
    storage: StorageServer,
    bucket_corpus: Path,
) -> None:
    put(bucket_corpus)
    with DataflowServer() as dataflow:
        flags = (*FLAGS, f"--dataflow_endpoint={dataflow.url}", "--no_auth")
        result = score_corpus(
            cloud_request(
                beam_flags=(*flags, "--no_wait_until_finish"),
                engine="tensorflow",
                require_gpu=True,
                accelerator=T4,
            )
        )
    assert isinstance(result, Submitted)
    assert result.job_id == "job-1"
    [(path, job)] = dataflow.created
    assert path.endswith("/projects/a-project/locations/europe-west1/jobs")
    content, graph = graph_sent(job)

    images = {
        beam_runner_api_pb2.DockerPayload.FromString(environment.payload).container_image
        for environment in graph.components.environments.values()
    }
    assert images == {IMAGE}
    assert {image["containerImage"] for image in sdk_images(job)} == {IMAGE}
    hints = hints_by_step(graph)
    assert hints[T4] == {"ScoreEmotions"}
    assert {"ReadItems", "PreprocessItems", "WriteLabels", "WriteManifest"} <= hints[""]

    staged = b"".join(body for name, body in objects().items() if name.startswith("temp/"))
    sent = content + staged + json.dumps(job).encode()
    here = (
        ROOT,
        sys.prefix,
        launch.__file__,
        beam.__file__,
        Path.home(),
        os.getcwd(),
        bucket_corpus,
    )
    for path_here in (*here, os.environ["XDG_CACHE_HOME"], tempfile.gettempdir()):
        name = str(path_here).removesuffix("/__init__.py").encode()
        assert name + b"/" not in sent, sent[max(sent.find(name) - 100, 0) :][:300]
    assert b"__main__" not in sent
    for environment in graph.components.environments.values():
        assert not environment.dependencies  # our package is in the image
    assert not any(name.startswith("runs/_manifest") for name in objects())


def sdk_images(job: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        image
        for pool in job["environment"]["workerPools"]
        for image in pool["sdkHarnessContainerImages"]
    ]


@pytest.mark.job
def test_what_a_flex_template_s_launcher_makes(
    storage: StorageServer,
    bucket_corpus: Path,
) -> None:
    put(bucket_corpus)
    flags = (*FLAGS, "--no_auth", "--template_location=gs://out/templates/job_object")
    result = score_corpus(cloud_request(beam_flags=flags))
    assert isinstance(result, Submitted)
    assert result.job_id is None
    job = json.loads(objects()["templates/job_object"])
    _, graph = graph_sent(job)
    assert set(hints_by_step(graph)) == {""}


def test_a_plan_submits_and_writes_nothing(
    storage: StorageServer,
    bucket_corpus: Path,
) -> None:
    put(bucket_corpus)
    flags = (*FLAGS, "--num_workers=2", "--machine_type=n1-standard-4")
    prepared = prepare_job(cloud_request(beam_flags=flags))
    plan = plan_job(prepared, core_hour_price=2.0)  # type: ignore[arg-type]
    assert objects() == {}
    assert (plan.runner, plan.container, plan.n_cores) == ("DataflowRunner", IMAGE, 8)
    assert (plan.n_item_files, plan.n_clip_files) == (2, 2)
    assert (plan.n_items, plan.n_clips) == (26, 5)  # 24 lines and 2 rows; 3 name a clip
    times = TIME_OVER_MEASURED["openvino", "float32"]  # this model was not exported in int8
    assert plan.seconds == pytest.approx((26 / 372 * times + 5 * 0.0013) / 8)
    assert plan.cost == pytest.approx(plan.seconds * 8 / 3600 * 2)
    assert "ReadItems" not in plan.fused
    assert {"PreprocessItems", "ScoreEmotions", "WriteLabels"} <= set(plan.fused)
    assert describe(plan)[-1] == "nothing was written or submitted"

    prepared = prepare_job(cloud_request(engine="tensorflow", require_gpu=True, accelerator=T4))
    plan = plan_job(prepared)  # type: ignore[arg-type]
    assert [step.name for step in plan.steps if step.accelerator == T4] == ["ScoreEmotions"]
    assert "PreprocessItems" not in plan.fused
    assert plan.seconds is None
    assert objects() == {}


@pytest.mark.usefixtures("storage")  # Beam asks for the bucket of --temp_location
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"beam_flags": ("--runner=DataflowRunner", "--region=r")},
            r"needs, after --, also --project, --temp_location gs://…, --sdk_container_image \(or",
        ),
        ({"beam_flags": (*FLAGS, "--temp_location=/tmp")}, "--temp_location is /tmp; for Dataflow"),
        ({"beam_flags": (*FLAGS, "--setup_file=nowhere.py")}, "nowhere.py, which is no file"),
        ({"beam_flags": (*FLAGS, "--project=A_b")}, "Beam's flags: Invalid Project ID"),
        ({"items": ("tweets.jsonl",)}, "--items tweets.jsonl lies on this machine"),
        ({"out": "runs"}, "--out runs lies on this machine"),
        ({"model": "my-model"}, "--model my-model lies on this machine"),
        ({"require_gpu": True}, "--require-gpu on Dataflow needs --accelerator 'type:nvidia"),
        ({"accelerator": T4}, "--accelerator needs --require-gpu"),
        ({"accelerator": "t4", "require_gpu": True}, "--accelerator is 't4'; it must be type:NAME"),
        (
            {"accelerator": T4, "require_gpu": True, "beam_flags": ()},
            "--accelerator is for workers on other machines",
        ),
    ],
)
def test_what_dataflow_lacks_is_told_before_it_is_asked(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        score_corpus(cloud_request(**changes))


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        ((), "container   none: processes of this machine"),
        (("--runner=PortableRunner",), "container   the flags name none"),
        (
            (
                "--runner=PortableRunner",
                "--environment_type=DOCKER",
                f"--environment_config={IMAGE}",
            ),
            f"container   {IMAGE}",
        ),
        (
            ("--runner=PortableRunner", f"--sdk_container_image={IMAGE}"),
            f"container   {IMAGE}",
        ),
        (
            ("--runner=PortableRunner", "--environment_type=EXTERNAL", "--environment_config=h:1"),
            "container   the flags name none",
        ),
    ],
)
def test_the_plan_tells_the_image_of_any_runner(
    tiny_artifact: Path, tmp_path: Path, flags: tuple[str, ...], told: str
) -> None:
    items = tmp_path / "tweets.jsonl"
    items.write_text('{"id": "1", "text": "rain"}\n', encoding="utf-8")
    request = request_for(
        str(tmp_path),
        str(tmp_path / "out"),
        clips=(),
        audio_roots=(),
        beam_flags=flags,
        model=str(tiny_artifact),
    )
    assert told in describe(plan_job(prepare_job(request)))  # type: ignore[arg-type]


@pytest.mark.job
def test_the_command_prints_its_plan(tiny_artifact: Path, tmp_path: Path) -> None:
    items = tmp_path / "tweets.jsonl"
    items.write_text('{"id": "1", "text": "rain"}\n' * 3, encoding="utf-8")
    outcome = subprocess.run(
        [
            *(sys.executable, "-c", "from beam_jobs.commands.cli import main; main()", "score"),
            *("--items", str(items), "--out", str(tmp_path / "out"), "--dry-run", "--json"),
            *("--model", str(tiny_artifact), "--precision", "float32"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    plan = json.loads(outcome.stdout)
    assert (plan["status"], plan["runner"], plan["n_items"]) == ("planned", "DirectRunner", 3)
    assert (plan["container"], plan["is_local"], plan["effect"]) == (None, True, "first")
    assert [step["name"] for step in plan["steps"]][:2] == ["IndexItems", "ReadItems"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tweets.jsonl"]
