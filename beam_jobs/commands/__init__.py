"""The command line: its flags, messages, exit codes, progress, and the plan of `--dry-run`.

Nothing here is imported by another room; what a job does stands in `scoring` and `reports`.
"""
