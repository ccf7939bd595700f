"""A worker process of a local run: Beam's own, which logs to the runner alone."""

import logging
import sys

# Else the first of Beam's warnings at import sends this one and all later ones to stderr.
logging.getLogger().addHandler(logging.NullHandler())

from apache_beam.runners.worker.sdk_worker_main import main  # noqa: E402

from beam_jobs.runners.worker_output import mute_workers  # noqa: E402

if __name__ == "__main__":
    with mute_workers():
        main(sys.argv)
