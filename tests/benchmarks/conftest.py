"""Keeps pytest out: benchmarks are no tests, and a doctest run would import them."""

collect_ignore_glob = ["*.py"]
