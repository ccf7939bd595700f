"""What `mm-emor train` says at its end: what is kept, how good it is, and what comes next."""

import shlex
from pathlib import Path

from model.training.training_config import TrainingConfig
from model.training.training_record import FittedPart, TrainingRecord


def closing_lines(
    record: TrainingRecord, config: TrainingConfig, data_dir: Path, out: Path, model_version: str
) -> list[str]:
    """Returns the lines, the next commands last.

    Args:
        record: of the training.
        config: that was trained.
        data_dir: what it was trained on.
        out: the artifact's directory.
        model_version: the artifact's.
    """
    measure = (
        "macro-F1 at each emotion's best threshold"
        if config.problem_type == "multi_label"
        else "macro-F1"
    )
    lines = [f"{modality}: {_ending(part, measure)}" for modality, part in record.parts.items()]
    for modality, part in record.parts.items():
        folder = out / "training" / part.folder
        if folder.is_dir():
            lines.append(f"{modality}: curves and TensorBoard logs in {folder}")
    lines += [f"model {model_version} written to {out}", "next:"]
    # That name is the model's in the package.
    model = "./default" if str(out) == "default" else str(out)
    learners = {"text": config.text, "audio": config.audio}
    used = [part.dataset for name, part in learners.items() if part and name in record.parts]
    for name in dict.fromkeys(used):
        data = ["--dataset", name, "--data-dir", str(data_dir), "--split", "validation"]
        lines.append(f"  {shlex.join(['mm-emor', 'evaluate', '--model', model, *data])}")
    items = ["--items", "ITEMS"] if "text" in record.parts else ["--clips", "CLIPS"]
    lines.append(f"  {shlex.join(['mm-emor', 'score', '--model', model, *items, '--out', 'OUT'])}")
    return lines


def _ending(part: FittedPart, measure: str = "macro-F1") -> str:
    """Returns how the fit of a part ended, in words.

    Args:
        part: the part.
        measure: by which the epoch was chosen.

    >>> _ending(FittedPart(3, 5, "best", 0.71236, 28, "text-0123456789ab"))
    'epoch 3 of 5 kept, the best by macro-F1: 0.7124 on 28 examples held out'
    >>> _ending(FittedPart(9, 9, "last", 0.5, 6, "audio-0123456789ab"))
    "epoch 9 of 9 kept, on purpose the last (keep = 'last'); macro-F1 0.5000 on 6 examples held out"
    >>> _ending(FittedPart(5, 5, "last", None, 0, "fused-0123456789ab"))
    "epoch 5 of 5 kept, on purpose the last (keep = 'last'); no examples held out"
    """
    kept = f"epoch {part.kept_epoch} of {part.n_epochs} kept, "
    held_out = f"{part.n_held_out or 'no'} example{'s' * (part.n_held_out != 1)} held out"
    if part.keep == "best":
        return f"{kept}the best by {measure}: {part.macro_f1:.4f} on {held_out}"
    score = "" if part.macro_f1 is None else f"{measure} {part.macro_f1:.4f} on "
    return f"{kept}on purpose the last (keep = 'last'); {score}{held_out}"
