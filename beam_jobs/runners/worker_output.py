"""What Beam's workers print, in processes of their own or in threads of the job's."""

import os

from apache_beam.runners.worker import sdk_worker

from model.network.backend import VERBOSE_VARIABLE


def mute_workers() -> None:
    """Has Beam's workers of this process print nothing, unless asked to be verbose.

    They print the traceback of each failure, which the runner is sent, too, and tells in a line.
    """
    sdk_worker.print = print if os.environ.get(VERBOSE_VARIABLE) else lambda *_, **__: None
