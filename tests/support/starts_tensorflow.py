"""Which modules start TensorFlow as soon as they are imported, found without importing them."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "model", "beam_jobs", "mm_emor", "tests")
HEAVY = ("keras", "tensorflow")


@cache
def starts_tensorflow(path: Path) -> bool:
    """Says whether importing a file imports Keras, itself or through another module of ours."""
    return _reaches(path.resolve(), set())


def _reaches(path: Path, seen: set[Path]) -> bool:
    if path in seen:
        return False
    seen.add(path)
    files = _imported(path)
    return files is None or any(_reaches(file, seen) for file in files)


@cache
def _imported(path: Path) -> frozenset[Path] | None:
    """Returns our files that a file imports as soon as it is; None where it starts TensorFlow."""
    files: set[Path] = set()
    for statement in _at_import(ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(statement, ast.Expr) and ast.unparse(statement) == "start_keras()":
            return None
        for name in _names(statement):
            if name.partition(".")[0] in HEAVY:
                return None
            files.update(_files(name))
    return frozenset(files)


def _at_import(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yields the statements that run on import; those under `if TYPE_CHECKING` do not."""
    for statement in statements:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
            yield from _at_import(statement.orelse)
        else:
            yield statement
            for field in ("body", "orelse", "finalbody"):
                if isinstance(statement, ast.If | ast.Try | ast.With):
                    yield from _at_import(getattr(statement, field, []))


def _names(statement: ast.stmt) -> Iterator[str]:
    """Yields the modules, and what may be one, that a statement imports."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom) and statement.module:
        yield from (f"{statement.module}.{alias.name}" for alias in statement.names)


@cache
def _files(name: str) -> tuple[Path, ...]:
    """Returns the files that an import of ours runs: each package's face, and the module."""
    parts = name.split(".")
    if parts[0] not in PACKAGES:
        return ()
    paths = [ROOT.joinpath(*parts[:end]) for end in range(1, len(parts) + 1)]
    files = [file for path in paths for file in (path / "__init__.py", path.with_suffix(".py"))]
    return tuple(file for file in files if file.is_file())
