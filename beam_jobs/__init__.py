"""The Beam jobs and the command line."""
