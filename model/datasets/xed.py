"""XED (Öhman et al. 2020): lines of film subtitles, in many languages, with several emotions."""

from collections.abc import Iterator
from pathlib import Path

from model.datasets.dataset import Dataset, Example, read_lines

EMOTION_OF_NUMBER = {1: "anger", 3: "disgust", 4: "fear", 5: "joy", 6: "sadness", 7: "surprise"}
"""Ekman's six among its eight numbers, which are Plutchik's."""
NOT_EKMAN = frozenset({2, 8})
"""Anticipation and trust: a line that has nothing else is left out, as it is not neutral either."""
ANNOTATED = ("en", "fi")
"""Languages that people have labelled, with neutral lines beside; the others are projected."""
# fmt: off
LANGUAGES = (
    *ANNOTATED, "ar", "bg", "br", "bs", "cn", "cs", "da", "de", "el", "es", "et", "eu", "fa", "fr",
    "gl", "he", "hr", "hu", "id", "is", "it", "ja", "mk", "ml", "ms", "nl", "no", "pl", "pt", "ro",
    "ru", "sk", "sl", "sr", "sv", "th", "tr", "tw", "vi", "zh",
)
# fmt: on
"""As its files are named: `br` is the Portuguese of Brazil, `cn`, `tw` and `zh` are Chinese."""


def load_xed(data_dir: Path, language: str) -> Dataset:
    """Reads `AnnotatedData/` of English and Finnish, `Projections/` of any other language.

    It has no splits. Lines of the projected files that are no text and numbers, as where their
    export was broken, are left out, and a remark tells how many.

    Raises:
        DatasetError: the file is missing.
    """
    if language in ANNOTATED:
        path = data_dir / "AnnotatedData" / f"{language}-annotated.tsv"
    else:
        folder = data_dir / "Projections"
        paths = [folder / f"{language}-projections.tsv", folder / f"{language}-projections2.tsv"]
        path = next((each for each in paths if each.is_file()), paths[0])
    lines = read_lines(path)
    examples, n_broken = [], 0
    for number, line in enumerate(lines):
        numbers = _numbers_of(line)
        if numbers is None:
            n_broken += bool(line.strip()) and not (number == 0 and line == "phrase\temotion")
            continue
        emotions = [emotion for each, emotion in EMOTION_OF_NUMBER.items() if each in numbers]
        if emotions:
            examples.append(Example.of_several(emotions, line.partition("\t")[0]))
    if language in ANNOTATED:
        neutral = _read_neutral(data_dir / "AnnotatedData" / f"neu_{language}.txt")
        examples += [Example.of_several((), text) for text in neutral]
    told = f"xed-{language}: lines that are no text and numbers, left out: {n_broken:,}"
    return Dataset(
        f"xed-{language}",
        tuple(EMOTION_OF_NUMBER.values()),
        {"train": examples, "validation": [], "test": []},
        remarks=(told,) if n_broken else (),
        names_splits=False,
        problem_type="multi_label",
    )


def _numbers_of(line: str) -> set[int] | None:
    r"""Returns the emotions of a line; None where it is not one.

    >>> _numbers_of("!\t1, 4, 7") == {1, 4, 7}
    True
    >>> _numbers_of("of two lines")
    """
    text, tab, cells = line.partition("\t")
    words = [word.strip() for word in cells.split(",")]
    if not (tab and text.strip() and all(word.isdecimal() for word in words)):
        return None
    numbers = {int(word) for word in words}
    return numbers if numbers <= EMOTION_OF_NUMBER.keys() | NOT_EKMAN else None


def _read_neutral(path: Path) -> Iterator[str]:
    """Yields the second column: a line of the film."""
    for line in read_lines(path):
        cells = line.split("\t")
        if len(cells) > 1 and cells[1].strip():
            yield cells[1]
