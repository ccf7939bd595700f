"""What a command does before it touches `gs://`: it checks access and prepares Beam's client."""

import importlib
import os
from collections.abc import Iterable

from apache_beam.options.pipeline_options import PipelineOptions, SetupOptions

from model.storage import EMULATOR_VARIABLE, check_access, is_cloud

PLUGIN = "beam_jobs.runners.cloud_worker"


def prepare_cloud_storage(paths: Iterable[str], options: PipelineOptions | None = None) -> None:
    """Checks that what lies in `gs://` can be listed; of other paths nothing is asked.

    With an emulator, Beam's client is kept from looking for credentials, in worker processes too.

    Args:
        paths: paths, URIs and patterns.
        options: of the job; its workers get them.

    Raises:
        UserError: there are no credentials, or a bucket is not there or not permitted.
    """
    uris = [path for path in paths if is_cloud(path)]
    check_access(uris)
    if uris and os.environ.get(EMULATOR_VARIABLE):
        importlib.import_module(PLUGIN)
        if options:
            setup = options.view_as(SetupOptions)
            setup.beam_plugins = [*(setup.beam_plugins or ()), PLUGIN]
