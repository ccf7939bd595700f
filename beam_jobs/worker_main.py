"""A worker process of a local run: Beam's own, of which nothing is logged but to the runner."""

import logging
import os
import sys

# Else the first of Beam's warnings at import sends this one and all later ones to stderr.
logging.getLogger().addHandler(logging.NullHandler())

from apache_beam.runners.worker import sdk_worker  # noqa: E402
from apache_beam.runners.worker.sdk_worker_main import main  # noqa: E402

from model.backend import VERBOSE_VARIABLE  # noqa: E402

if VERBOSE_VARIABLE not in os.environ:
    # It prints the traceback of each failure, which the runner is sent, too, and tells in a line.
    sdk_worker.print = lambda *_, **__: None

if __name__ == "__main__":
    main(sys.argv)
