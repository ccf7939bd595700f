"""What is said of an error that ends a command, in one line."""

import pytest

from beam_jobs.commands.exit_code import explain
from model.errors import UserError

OF_A_WORKER = """Traceback (most recent call last):
  File "beam/common.py", line 618, in invoke
    write()
OSError: [Errno 28] No space left on device

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "beam/sdk_worker.py", line 310, in _execute
    response = task()
               ^^^^^^
RuntimeError: OSError: [Errno 28] No space left on device [while running 'WriteLabels']
"""
OF_TENSORFLOW = """Traceback (most recent call last):
  File "beam/sdk_worker.py", line 310, in _execute
    response = task()
InvalidArgumentError: Graph execution error:

Detected at node StatefulPartitionedCall defined at (most recent call last):
  File "model/scoring/keras_engine.py", line 40, in sum_windows

indices[0,1] = 9 is not in [0, 9)
\t [[{{node StatefulPartitionedCall}}]] [Op:__inference_7] [while running 'Score']
"""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UserError("epochs is 0"), "epochs is 0"),
        (ValueError("one\ntwo"), "the job failed: ValueError: one (MM_EMOR_VERBOSE=1 shows where)"),
        (ValueError(), "the job failed: ValueError:  (MM_EMOR_VERBOSE=1 shows where)"),
        (
            RuntimeError(OF_A_WORKER),
            "the job failed: RuntimeError: OSError: [Errno 28] No space left on device [while "
            "running 'WriteLabels'] (MM_EMOR_VERBOSE=1 shows where)",
        ),
        (
            RuntimeError(OF_TENSORFLOW),
            "the job failed: InvalidArgumentError: Graph execution error: (MM_EMOR_VERBOSE=1 shows "
            "where)",
        ),
    ],
)
def test_an_error_is_told_in_one_line(error: Exception, told: str) -> None:
    assert explain(error) == told


@pytest.mark.parametrize(
    "message",
    [
        "KeyboardInterrupt [while running 'x']",
        'Traceback (most recent call last):\n  File "x.py", line 1\nKeyboardInterrupt\n',
        'Traceback (most recent call last):\n  File "x.py"\nRuntimeError: KeyboardInterrupt [while',
    ],
)
def test_an_interruption_is_one_however_beam_hands_it_on(message: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        explain(RuntimeError(message))
