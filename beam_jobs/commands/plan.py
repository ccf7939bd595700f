"""What a scoring job would do, without doing it: its graph, its inputs, its time and cost."""

import os
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    PipelineOptions,
    PortableOptions,
    TestOptions,
    WorkerOptions,
)
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from beam_jobs.commands.estimates import (
    TIME_OVER_MEASURED,
    estimate_items,
    measured_rate,
    worker_cores,
)
from beam_jobs.items.paths import is_local
from beam_jobs.runners.remote_job import is_dataflow, runner_name
from beam_jobs.runs.if_done import IfDone
from beam_jobs.runs.manifest import RunManifest, Status, read_manifest
from beam_jobs.scoring.pipeline import build_scoring_pipeline
from beam_jobs.scoring.prepared_job import PreparedJob
from model.errors import UserError
from model.scoring.processor import available_cores

NOTHING_DONE = "nothing was written or submitted"


@dataclass(frozen=True)
class Step:
    """A step of `build_scoring_pipeline`.

    Attributes:
        n_shuffles: how often elements are grouped by key in it: there work goes to other workers.
        accelerator: the GPU that it asks for.
    """

    name: str
    n_shuffles: int
    accelerator: str | None = None


@dataclass(frozen=True)
class Plan:
    """What `--dry-run` reports.

    Attributes:
        published: id of the date's run that is there; None where there is none.
        effect: what becomes of it: `first` (there is none), `replaces`, `adds` or `skips` (the
            date is complete, and `--if-done skip` leaves it alone).
        is_local: whether the job runs in processes of this machine.
        container: the workers' image; None where the flags name none.
        n_items: an estimate; None where the inputs do not show it.
        n_clips: files of clips, and those that items name, estimated.
        fused: the steps that run as one stage with the scoring, nothing stored in between.
        rate: items a second a core; None where no rate was measured, as on a GPU.
        n_cores: that score at a time; None where the flags do not say.
        seconds: of scoring, without start-up.
        core_hours: of a processor's core; on Dataflow, vCPU hours.
        cost: `core_hours` times the price that was given.
    """

    date: date
    published: str | None
    effect: str
    runner: str
    is_local: bool
    engine: str
    container: str | None
    model_version: str
    run_id: str
    out: str
    n_item_files: int
    item_bytes: int
    n_clip_files: int
    clip_bytes: int
    n_parts: int
    n_items: int | None
    n_clips: int | None
    steps: tuple[Step, ...]
    fused: tuple[str, ...]
    n_stages: int
    rate: float | None
    rate_source: str
    n_cores: int | None
    seconds: float | None
    core_hours: float | None
    cost: float | None

    def to_json(self) -> dict[str, Any]:
        """Returns what `mm-emor score --dry-run --json` prints."""
        return {"status": "planned"} | asdict(self) | {"date": self.date.isoformat()}


def plan_job(
    prepared: PreparedJob, core_hour_price: float | None = None, *, if_done: IfDone = IfDone.REPLACE
) -> Plan:
    """Builds the job's graph for its runner, and submits nothing.

    Args:
        prepared: the job, checked.
        core_hour_price: what an hour of a core costs, in whatever currency.
        if_done: what to do where the date is complete already.

    Raises:
        UserError: the output directory, on this machine, could not be written. Whether a bucket
            can be is found out by writing, which a plan does not do.
    """
    job, options = prepared.job, prepared.options
    _check_permission(job.run.out)
    # The graph is the same on every runner; this one is at hand without any service.
    root = beam.Pipeline(FnApiRunner(), options=PipelineOptions())
    build_scoring_pipeline(root, job)
    graph = root.to_runner_api()
    _, stages = FnApiRunner().create_stages(graph)
    steps = list_steps(graph)
    [scoring] = [stage for stage in stages if "ScoreEmotions-RunInference" in stage.name]
    touched = {step_name.unique_name.partition("/")[0] for step_name in scoring.transforms}

    n_items, n_named = estimate_items(
        prepared.item_files, job.inputs.columns, job.inputs.text_format, job.inputs.source
    )
    n_clip_files = len(prepared.clip_files)
    n_clips = None if n_named is None else n_named + n_clip_files
    rate, source = measured_rate(prepared.artifact.config, job.model.choice)
    n_cores = available_cores() if _is_local(prepared) else worker_cores(options)
    times = TIME_OVER_MEASURED[job.model.choice.name, job.model.choice.precision]
    core_seconds = None
    if rate and n_items is not None and n_clips is not None:
        core_seconds = max(n_items, n_clips) / rate.texts_per_core_second * times
        core_seconds += n_clips * rate.clip_ms / 1000
    core_hours = None if core_seconds is None else core_seconds / 3600
    manifest = read_manifest(job.run.out)
    published = manifest.runs.get(job.run.date) if manifest else None
    return Plan(
        date=job.run.date,
        published=published.run_id if published else None,
        effect=_effect(prepared, published, if_done),
        runner=runner_name(options),
        is_local=_is_local(prepared),
        engine=str(job.model.choice),
        container=_image(prepared),
        model_version=job.run.model_version,
        run_id=job.run.run_id,
        out=job.run.out,
        n_item_files=len(prepared.item_files),
        item_bytes=sum(file.size_bytes for file in prepared.item_files),
        n_clip_files=n_clip_files,
        clip_bytes=sum(file.size_bytes for file in prepared.clip_files),
        n_parts=job.run.n_parts,
        n_items=n_items,
        n_clips=n_clips,
        steps=steps,
        fused=tuple(step.name for step in steps if step.name in touched),
        n_stages=len(stages),
        rate=rate.texts_per_core_second / times if rate else None,
        rate_source=source,
        n_cores=n_cores,
        seconds=core_seconds / n_cores if core_seconds is not None and n_cores else None,
        core_hours=core_hours,
        cost=None
        if core_hours is None or core_hour_price is None
        else core_hours * core_hour_price,
    )


def _check_permission(out: str) -> None:
    if not is_local(out):
        return
    parent = os.path.abspath(out)
    while not os.path.exists(parent):
        parent = os.path.dirname(parent)
    if not (os.path.isdir(parent) and os.access(parent, os.W_OK | os.X_OK)):
        raise UserError(f"--out {out} cannot be written: {parent} is no directory that can be")


def _is_local(prepared: PreparedJob) -> bool:
    return not prepared.job.reshuffle


def _effect(prepared: PreparedJob, published: RunManifest | None, if_done: IfDone) -> str:
    if published is None:
        return "first"
    if if_done == IfDone.SKIP and published.status == Status.COMPLETE:
        return "skips"
    return "adds" if prepared.job.run.extends else "replaces"


def _image(prepared: PreparedJob) -> str | None:
    if _is_local(prepared):
        return None
    if is_dataflow(prepared.options):
        return _dataflow_image(prepared)
    portable = prepared.options.view_as(PortableOptions)
    named: str | None = prepared.options.view_as(WorkerOptions).sdk_container_image
    if portable.environment_type in (None, "DOCKER"):
        named = portable.environment_config or named
    return named


def _dataflow_image(prepared: PreparedJob) -> str:
    """Returns the image that Dataflow's runner, which builds its graph here, would start."""
    options = PipelineOptions.from_dictionary(prepared.options.get_all_options(drop_default=True))
    options.view_as(TestOptions).dry_run = True
    root = beam.Pipeline(options=options)
    build_scoring_pipeline(root, prepared.job)
    graph = root.run().job.proto_pipeline
    images = {
        beam_runner_api_pb2.DockerPayload.FromString(environment.payload).container_image
        for environment in graph.components.environments.values()
    }
    return ", ".join(sorted(images))


def list_steps(graph: Any) -> tuple[Step, ...]:
    """Returns the steps of a graph right under its root, in order."""
    transforms = graph.components.transforms

    def within(name: str) -> list[Any]:
        found = [transforms[name]]
        for child in transforms[name].subtransforms:
            found += within(child)
        return found

    [root] = graph.root_transform_ids
    steps = []
    for name in transforms[root].subtransforms:
        inner = within(name)
        group = common_urns.primitives.GROUP_BY_KEY.urn
        hint = common_urns.resource_hints.ACCELERATOR.urn
        environments = {transform.environment_id for transform in inner} - {""}
        hints = {
            graph.components.environments[one].resource_hints[hint].decode()
            for one in environments
            if hint in graph.components.environments[one].resource_hints
        }
        n_shuffles = sum(transform.spec.urn == group for transform in inner)
        steps.append(Step(transforms[name].unique_name, n_shuffles, ", ".join(hints) or None))
    return tuple(steps)


def describe(plan: Plan) -> list[str]:
    """Returns a plan as lines for people."""
    effects = {
        "first": "no run of it was published yet",
        "replaces": f"replaces run {plan.published}",
        "adds": f"adds to run {plan.published}",
        "skips": f"run {plan.published} is complete, and --if-done skip leaves it alone",
    }
    today = f"date        {plan.date}: {effects[plan.effect]}"
    if plan.effect == "skips":
        return [today]
    here = "none: processes of this machine"
    lines = [
        today,
        f"runner      {plan.runner}",
        f"engine      {plan.engine}, model {plan.model_version}",
        f"container   {plan.container or (here if plan.is_local else 'the flags name none')}",
        f"items       {plan.n_item_files:,} files, {plan.item_bytes:,} bytes, "
        + ("no estimate" if plan.n_items is None else f"about {plan.n_items:,} items"),
        f"clips       {plan.n_clip_files:,} files, {plan.clip_bytes:,} bytes"
        + ("" if plan.n_clips is None else f", about {plan.n_clips:,} with those of items"),
        f"output      {plan.out}, run {plan.run_id}, {plan.n_parts} part(s)",
        f"stages      {plan.n_stages}; the one that scores takes in {', '.join(plan.fused)}",
        "steps",
    ]
    for step in plan.steps:
        shuffles = f"  {step.n_shuffles} shuffle(s)" if step.n_shuffles else ""
        hint = f"  on {step.accelerator}" if step.accelerator else ""
        lines.append(f"  {step.name}{shuffles}{hint}")
    if plan.rate is None:
        return [*lines, f"time        unknown: {plan.rate_source}", NOTHING_DONE]
    lines.append(f"rate        {plan.rate:,.0f} texts/s a core: {plan.rate_source}")
    if plan.core_hours is not None:
        hours = f"{plan.core_hours:.3g} core hours"
        if plan.seconds is not None:
            hours = f"{duration(plan.seconds)} on {plan.n_cores} cores, {hours}"
        apart = "start-up" if plan.is_local else "start-up, reading and shuffles"
        lines.append(f"time        about {hours}; {apart} not counted")
    if plan.cost is not None:
        lines.append(f"cost        {plan.cost:,.4g} of cores, at the price given")
    return [*lines, NOTHING_DONE]


def duration(seconds: float) -> str:
    """Returns a time in the unit in which it is easily read.

    >>> duration(0.4), duration(300), duration(64_800)
    ('0.4 s', '5.0 min', '18.0 h')
    """
    for unit, n_seconds in (("h", 3600), ("min", 60)):
        if seconds >= 2 * n_seconds:
            return f"{seconds / n_seconds:,.1f} {unit}"
    return f"{seconds:,.1f} s"
