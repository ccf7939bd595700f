"""What a run changes of the process that it is called in, for as long as it lasts."""

import threading
from typing import Any

from apache_beam.runners.portability.fn_api_runner.worker_handlers import WorkerHandler
from apache_beam.runners.worker import sdk_worker


def patched_parts() -> dict[str, Any]:
    """Returns the hook for threads, and the parts of Beam, as they are now."""
    return {
        "threading.excepthook": threading.excepthook,
        "environments": dict(WorkerHandler._registered_environments),
        "print": vars(sdk_worker).get("print"),
    }
