"""Beam's Cloud Storage client in each process of a job that runs against a stand-in for Google's.

Beam 2.77 looks for credentials for 27 s, in every process, before it connects without any. Worker
processes import this module first, as a plugin of Beam's (`--beam_plugins`).
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
