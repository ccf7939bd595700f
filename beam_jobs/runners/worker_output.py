"""A patch of Beam: what its workers print, in processes of their own or in threads of the job's.

Upstream: not reported; the `print` of
https://github.com/apache/beam/blob/v2.77.0/sdks/python/apache_beam/runners/worker/sdk_worker.py#L313
stands beside a log line of the same text.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from apache_beam.runners.worker import sdk_worker

from model.network.backend import VERBOSE_VARIABLE


@contextmanager
def mute_workers() -> Iterator[None]:
    """Makes Beam's workers of this process print nothing, unless the user asked for all logs.

    They print the traceback of each failure. The runner gets it, too, and reports it in a line.
    """
    if os.environ.get(VERBOSE_VARIABLE):
        yield
        return
    sdk_worker.print = lambda *_, **__: None
    try:
        yield
    finally:
        vars(sdk_worker).pop("print", None)  # the built-in one stands behind it
