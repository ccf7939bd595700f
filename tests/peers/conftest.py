"""Keeps pytest out: these are no tests, and a doctest run would import them without PyTorch."""

collect_ignore_glob = ["*.py"]
