"""The runner of jobs on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.runners.portability.fn_api_runner.fn_runner import ExtendedProvisionInfo
from apache_beam.runners.portability.portable_runner import JobServiceHandle
from apache_beam.runners.runner import PipelineRunner

from beam_jobs.runners.worker_processes import watch_worker_processes


@contextmanager
def local_runner(options: PipelineOptions) -> Iterator[PipelineRunner]:
    """Gives a runner that hands its worker processes the options, as Beam's DirectRunner does.

    DirectRunner itself would first try to download another runner, Prism
    (https://github.com/apache/beam/pull/34612); this one needs no network.
    While it is in use Beam is patched in this process, and not after it.

    Raises:
        RuntimeError: the job failed, and a worker process has died.
    """
    encoded = JobServiceHandle.encode_pipeline_options(options.get_all_options())
    provision = beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded)
    with watch_worker_processes():
        yield FnApiRunner(provision_info=ExtendedProvisionInfo(provision))
