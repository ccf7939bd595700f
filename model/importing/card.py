"""The card of an imported model: what stands in its files, and what nobody has measured."""

from model.config import TextConfig
from model.importing.joined_labels import JoinedLabels
from model.importing.sequence_classifier import SequenceClassifier
from model.scoring.model_card import UNCALIBRATED

FAMILIES = {
    "bert": "BERT",
    "camembert": "CamemBERT",
    "distilbert": "DistilBERT",
    "roberta": "RoBERTa",
    "xlm-roberta": "XLM-RoBERTa",
}
CLEANINGS = {
    "none": "as they are posted, to its own tokenizer",
    "tweeteval": "with handles as `@user` and links as `http`, to its own tokenizer",
}


def write_card(checkpoint: SequenceClassifier, joined: JoinedLabels, text: TextConfig) -> str:
    """Returns the card, in Markdown."""
    name, family = checkpoint.name, FAMILIES[checkpoint.family]
    several = checkpoint.problem_type == "multi_label"
    how = "the highest of its labels'" if several else "the sum of its labels'"
    rows = [
        f"| {emotion} | {', '.join(checkpoint.labels[number] for number in numbers)} |"
        for emotion, numbers in zip(joined.emotions, joined.labels, strict=True)
    ]
    dropped = ", ".join(checkpoint.labels[number] for number in joined.dropped)
    return "\n".join(
        [
            f"# {name}, imported",
            "",
            f"A {family} sequence classifier, made from `{name}` by `mm-emor import`: "
            f"{'several labels an item, or none' if several else 'one label'} "
            f"({'sigmoid' if several else 'softmax'}). What it learned from, how well it does, its "
            "licence and its limits: see the card that it was published with.",
            "",
            "| emotion | labels of the checkpoint |",
            "|---|---|",
            *rows,
            "",
            f"- An emotion's probability is {how}."
            + (f" Dropped, as if the model did not know them: {dropped}." if dropped else ""),
            f"- Texts go {CLEANINGS[text.cleaning]}; {text.max_tokens} tokens of a text are read, "
            f"{text.window_tokens} at a time with the special ones.",
            "- It reads and does not hear: a clip without a text is refused.",
            "",
            UNCALIBRATED,
        ]
    )
