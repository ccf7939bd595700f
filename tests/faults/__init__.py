"""Commands that break the job on purpose; docs/faults.md says what came of it."""
