"""What the documents show: commands, blocks, code spans and links, read from their text."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = (
    *("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGES.md"),
    *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))),
    *("deploy/README.md", "model/default_model/MODEL_CARD.md"),
)
PROGRAM = re.compile(r"(\w+=\S+ )*(mm-emor|\.venv/bin/\S+|make|python|pytest|pip|tensorboard) ")


@dataclass(frozen=True)
class Block:
    """Lines that stand apart, fenced or indented.

    Attributes:
        language: as the fence has it; empty for none.
        text: the lines, without their indentation.
    """

    language: str
    text: str


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str) -> list[Block]:
    """Returns the blocks of a document, in their order."""
    found: list[Block] = []
    fence: str | None = None
    lines: list[str] = []
    before = ""
    for line in [*read(document).splitlines(), "~"]:
        if fence is not None:
            if line == "```":
                found.append(Block(fence, "".join(lines)))
                fence, lines = None, []
            else:
                lines.append(f"{line}\n")
        elif line.startswith("    ") and (lines or not before):
            lines.append(f"{line[4:]}\n")
        elif line or not lines:
            if lines:
                found.append(Block("", "".join(lines).rstrip("\n") + "\n"))
            lines = []
            fence = line[3:] if line.startswith("```") else None
        else:
            lines.append("\n")  # within an indented block, or behind it
        before = line
    return found


def commands(document: str) -> list[str]:
    """Returns the commands of a document's blocks, without the remark behind them.

    >>> commands("README.md")[:2]
    ['make demo', 'make test']
    """
    lines = [
        line
        for block in blocks(document)
        for line in re.sub(r"\\\n\s*", "", block.text).splitlines()
    ]
    return [re.sub(r"\s+# .*|\s{3,}\S.*", "", line) for line in lines if PROGRAM.match(line + " ")]


def spans(document: str) -> list[str]:
    """Returns what stands between single backticks, outside of fenced blocks."""
    text = re.sub(r"^```.*?^```$", "", read(document), flags=re.M | re.S)
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text)


def links(document: str) -> list[str]:
    """Returns the targets of links that are no web addresses."""
    found = re.findall(r"\]\(([^)\s]+)\)", read(document))
    return [target for target in found if "://" not in target]


def words(command: str) -> list[str]:
    """Returns a command's words as a shell has them, without variables and the program's folder.

    >>> words("MM_EMOR_DATA=DATA make bench")
    ['make', 'bench']
    >>> words(".venv/bin/mm-emor verify 'out/'")
    ['mm-emor', 'verify', 'out/']
    """
    whole = shlex.split(command)
    while re.match(r"\w+=", whole[0]):
        del whole[0]
    return [whole[0].rpartition("/")[2], *whole[1:]]
