"""What a model's card says of its confidences."""

from pathlib import Path

from model.files import write_whole

MODEL_CARD = "MODEL_CARD.md"
TITLE = "## Confidence"
UNCALIBRATED = f"""{TITLE}

**Not calibrated.** `confidence` and `scores` are what the network says; nobody has compared them
with how often it is right, and fine-tuned encoders are mostly too sure. With labelled items,
`mm-emor calibrate` compares them, and changes them accordingly.
"""


def note_calibration(model: Path, lines: list[str]) -> None:
    """Writes into a model's card what its confidences were calibrated on; without a card, nothing.

    Args:
        model: the artifact's directory.
        lines: in Markdown.
    """
    path = model / MODEL_CARD
    if not path.is_file():
        return
    before, title, section = path.read_text(encoding="utf-8").partition(TITLE)
    if title:
        _, mark, after = section.partition("\n## ")
        write_whole(path, "\n".join([before + TITLE, "", *lines, ""]) + mark + after)
