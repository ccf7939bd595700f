"""A patch of Beam: its Cloud Storage client, in each process of a job that uses an emulator.

Beam 2.77 looks for credentials for 27 s, in every process, before it connects without any. Worker
processes import this module first, as a plugin of Beam's (`--beam_plugins`).

Upstream: not reported; Beam always asks for credentials, as
https://github.com/apache/beam/blob/v2.77.0/sdks/python/apache_beam/io/gcp/gcsio.py#L212 has it.
Google's own client, too, once needed them for an emulator:
https://github.com/googleapis/google-cloud-python/issues/9453.
"""

import os
from typing import Any

from apache_beam.io.gcp import gcsio

from model.storage import EMULATOR_VARIABLE

_create_storage_client = gcsio.create_storage_client


def create_storage_client(pipeline_options: Any, use_credentials: bool = True) -> Any:
    """Returns Beam's client, without credentials where the environment names an emulator."""
    use_credentials = use_credentials and not os.environ.get(EMULATOR_VARIABLE)
    return _create_storage_client(pipeline_options, use_credentials)


gcsio.create_storage_client = create_storage_client
