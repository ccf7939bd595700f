"""A job on other machines: the checks before it, and what is known once it is submitted."""

import os
import re
import socket
import time
from dataclasses import dataclass
from datetime import date
from typing import Any

from apache_beam.options.pipeline_options import (
    DebugOptions,
    GoogleCloudOptions,
    PipelineOptions,
    PortableOptions,
    SetupOptions,
    StandardOptions,
    WorkerOptions,
)
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator
from apache_beam.runners.runner import create_runner

from model.errors import UserError
from model.extras import Extra, require_extra
from model.storage import is_cloud

ACCELERATOR = re.compile(r"type:[^;:]+;count:[1-9][0-9]*(;.+)?")
EXAMPLE_ACCELERATOR = "type:nvidia-tesla-t4;count:1;install-nvidia-driver"
WORKER_ACCELERATOR = "worker_accelerator"
"""Dataflow's service option that gives every worker a GPU, also those that only read and write."""
JOB_SERVER_SECONDS, POLL_SECONDS = 5.0, 0.25
"""For which a job server may go on starting, and how often it is called meanwhile."""


@dataclass(frozen=True)
class Submitted:
    """A run that was handed over and not waited for; its manifest says when it is complete.

    Attributes:
        job_id: the runner's name for the job; None where only its template was made.
    """

    date: date
    run_id: str
    runner: str
    job_id: str | None

    @property
    def published(self) -> None:
        """The job's run is not published yet."""

    @property
    def measures(self) -> None:
        """Nothing was measured here."""

    def __str__(self) -> str:
        """Returns what a person reads of it."""
        what = f"submitted to {self.runner} as {self.job_id}" if self.job_id else "made a template"
        return f"{self.date}: run {self.run_id} was {what}; its manifest will say when it is done."

    def to_json(self) -> dict[str, Any]:
        """Returns what `mm-emor score --json` prints of it."""
        return {
            "status": "submitted",
            "skipped": False,
            "date": self.date.isoformat(),
            "run_id": self.run_id,
            "runner": self.runner,
            "job_id": self.job_id,
        }


def runner_name(options: PipelineOptions) -> str:
    """Returns the runner's name without its package; DirectRunner where none is named."""
    return str(options.view_as(StandardOptions).runner or "DirectRunner").rpartition(".")[2]


def is_dataflow(options: PipelineOptions) -> bool:
    """Says whether the job is for Dataflow."""
    return runner_name(options).lower() == "dataflowrunner"


def waits(options: PipelineOptions) -> bool:
    """Says whether a job on other machines is waited for.

    A flex template's launcher names a `template_location`: then the graph goes there, Google's
    launcher starts the job, and there is nothing to wait for.
    """
    google = options.view_as(GoogleCloudOptions)
    return not (options.view_as(StandardOptions).no_wait_until_finish or google.template_location)


def check_can_be_awaited(
    options: PipelineOptions, *, is_backfill: bool, metrics_file: str | None
) -> None:
    """Checks that what needs a job's end, or one job alone, is not asked of one without.

    Raises:
        UserError: it is.
    """
    if is_backfill and options.view_as(GoogleCloudOptions).template_location:
        raise UserError(
            "--from and --to would write each date's template in place of the one before: with "
            "--template_location give --date"
        )
    if metrics_file is not None and not waits(options):
        raise UserError(
            f"--metrics-file {metrics_file} would stay unwritten, as the job's end is not waited "
            "for: leave out --no_wait_until_finish and --template_location, or --metrics-file"
        )


def keep_machine_private(options: PipelineOptions) -> None:
    """Keeps Beam from sending this machine's packages and Python path along with the job."""
    options.view_as(DebugOptions).add_experiment("disable_logging_submission_environment")


def check_job_server(options: PipelineOptions) -> None:
    """Checks that a job server answers where one is named: Beam would try for five minutes.

    Raises:
        UserError: it does not.
    """
    endpoint = options.view_as(PortableOptions).job_endpoint
    if not endpoint or endpoint == "embed":  # Beam's own, in this process
        return
    host, _, port = endpoint.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise UserError(f"--job_endpoint is {endpoint!r}; it must be HOST:PORT")
    ends = time.monotonic() + JOB_SERVER_SECONDS
    while silence := _why_silent(host.strip("[]"), int(port)):
        if time.monotonic() > ends:
            raise UserError(f"--job_endpoint {endpoint} does not answer: {silence}")
        time.sleep(POLL_SECONDS)


def _why_silent(host: str, port: int) -> str | None:
    try:
        socket.create_connection((host, port), JOB_SERVER_SECONDS).close()
    except (OSError, UnicodeError) as error:  # the latter of names that no host can have
        return getattr(error, "strerror", None) or str(error)
    return None


def check_accelerator(
    accelerator: str | None, require_gpu: bool, options: PipelineOptions, is_local: bool
) -> None:
    """Checks that a GPU is asked for where the job needs one, and used where it is asked for.

    Raises:
        UserError: it is not so.
    """
    if accelerator is not None:
        if not ACCELERATOR.fullmatch(accelerator):
            raise UserError(
                f"--accelerator is {accelerator!r}; it must be type:NAME;count:N and what else the "
                f"runner takes, as in '{EXAMPLE_ACCELERATOR}'"
            )
        if is_local:
            raise UserError(
                "--accelerator is for workers on other machines; this one's GPU needs no flag"
            )
        if not require_gpu:
            raise UserError("--accelerator needs --require-gpu: else the processor may score")
    services = options.view_as(GoogleCloudOptions).dataflow_service_options or []
    has_gpus = any(service.startswith(WORKER_ACCELERATOR) for service in services)
    if require_gpu and is_dataflow(options) and accelerator is None and not has_gpus:
        raise UserError(
            f"--require-gpu on Dataflow needs --accelerator '{EXAMPLE_ACCELERATOR}', or after -- "
            f"--dataflow_service_options={WORKER_ACCELERATOR}=…"
        )


def check_dataflow(options: PipelineOptions, paths: dict[str, tuple[str, ...]]) -> None:
    """Checks what Dataflow needs of a job, without asking it.

    Args:
        options: Beam's.
        paths: by the flag that names them, what workers read and write.

    Raises:
        UserError: a flag is missing, Beam refuses one, or a path lies on this machine.
    """
    require_extra(Extra.GCP, "DataflowRunner")
    google = options.view_as(GoogleCloudOptions)
    setup_file = options.view_as(SetupOptions).setup_file
    has_package = options.view_as(WorkerOptions).sdk_container_image or setup_file
    needed = {
        "--project": google.project,
        "--region": google.region,
        "--temp_location gs://…": google.temp_location,
        "--sdk_container_image (or --setup_file)": has_package,
    }
    missing = [flag for flag, value in needed.items() if not value]
    if missing:
        raise UserError(f"DataflowRunner needs, after --, also {', '.join(missing)}")
    for flag in ("temp_location", "staging_location"):
        value = getattr(google, flag)
        if value and not is_cloud(value):
            raise UserError(f"--{flag} is {value}; for Dataflow it must be gs://BUCKET/NAME")
    if setup_file and not os.path.isfile(setup_file):
        raise UserError(f"--setup_file is {setup_file}, which is no file")
    for flag, values in paths.items():
        for value in values:
            if not (is_cloud(value) or (flag == "--model" and value == "default")):
                raise UserError(
                    f"{flag} {value} lies on this machine, where Dataflow's workers cannot reach "
                    "it: give gs://BUCKET/NAME"
                )
    faults = PipelineOptionsValidator(options, create_runner("DataflowRunner")).validate()
    if faults:
        raise UserError(f"Beam's flags: {' '.join(str(faults[0]).split())}")
