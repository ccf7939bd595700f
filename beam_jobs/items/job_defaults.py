"""What a job does unless told otherwise; Beam is not imported, so that `--help` answers at once."""

BATCH_SIZE = 256
"""Items that are preprocessed and scored together."""
MAX_BATCH_SIZE = 4096
MAX_BAD_FRACTION = 0.5
"""Dead letters among all items, above which a run has failed."""
