"""How tests call the command line: words in; the exit code, stdout and stderr out."""

from collections.abc import Callable

Run = Callable[..., tuple[int, str, str]]
