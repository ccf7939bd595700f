"""The label row: what a run says of one item."""

import re
from collections.abc import Sequence

import pyarrow as pa

from schemas.fields import TIMESTAMP, field

UNCERTAIN = "uncertain"
"""The `emotion` of an item whose confidence is below the run's limit, `--min-confidence`."""
NO_EMOTION = "no_emotion"
"""What reports count an item for that has none, which a multi-label model can say."""
RESERVED_EMOTIONS = {
    UNCERTAIN: "items below --min-confidence",
    NO_EMOTION: "items without any emotion",
}
"""Names that no emotion of a model may have, and what they are of."""

KEPT_PREFIX = "x_"
"""What the names of kept fields' columns start with."""


def kept_column(name: str) -> str:
    """Returns the column of a field of the input that `--keep` names.

    >>> kept_column("subreddit"), kept_column("public_metrics.like_count")
    ('x_subreddit', 'x_public_metrics_like_count')
    """
    return KEPT_PREFIX + re.sub(r"\W", "_", name, flags=re.ASCII)


def label_schema(emotions: Sequence[str], kept: Sequence[str] = ()) -> pa.Schema:
    """Returns the schema of label rows.

    Args:
        emotions: what the model tells apart, in head order.
        kept: the fields of the input that `--keep` names, each a column at the end.

    >>> label_schema(["joy", "neutral"]).field("scores").type
    StructType(struct<joy: float not null, neutral: float not null>)
    >>> label_schema(["joy"], ["place"]).names[-1]
    'x_place'
    """
    scores = pa.struct([pa.field(emotion, pa.float32(), nullable=False) for emotion in emotions])
    return pa.schema(
        [
            field("item_id", pa.string(), "The item's id."),
            field("created_at", TIMESTAMP, "When the item was posted, UTC.", nullable=True),
            field("author_id", pa.string(), "Who posted it.", nullable=True),
            field(
                "lang",
                pa.string(),
                "Language tag as given, of a name its code; else as detected, if that is clear.",
                nullable=True,
            ),
            field("lang_detected", pa.bool_(), "Whether `lang` was detected."),
            field("hashtags", pa.list_(pa.string()), "Hashtags, lower case, without `#`."),
            field(
                "repost_of",
                pa.string(),
                "The id of the post that this one repeats, whose text and hashtags it has; null: "
                "it is no repost, or the file does not say of what.",
                nullable=True,
            ),
            field(
                "text_is_cut",
                pa.bool_(),
                "Whether a program has cut the text before it came here, and the file has not the "
                "whole.",
            ),
            field(
                "warnings",
                pa.list_(pa.string()),
                "What of the item was not understood, as codes of a fixed list, in order.",
            ),
            field("modality", pa.string(), "What was scored: text, audio or text+audio."),
            field(
                "emotion",
                pa.string(),
                f"The emotion with the highest score; `{UNCERTAIN}` where that score is below "
                "`--min-confidence`.",
            ),
            field(
                "confidence",
                pa.float32(),
                "That score, 0 to 1: a calibrated probability, unless the model's card says that "
                "it is not calibrated.",
            ),
            field(
                "scores",
                scores,
                "A calibrated probability per emotion. They sum to 1, but for those of a "
                "multi-label model, each of which stands for itself.",
            ),
            field(
                "emotions",
                pa.list_(pa.string()),
                "The emotions that apply, the highest score first: of a multi-label model all with "
                "at least their threshold, or none; else the one of `emotion`. Empty where that is "
                f"`{UNCERTAIN}`.",
            ),
            field(
                "text_emotion",
                pa.string(),
                "What the text alone says; only where text and audio are both there.",
                nullable=True,
            ),
            field(
                "audio_emotion",
                pa.string(),
                "What the audio alone says; only where text and audio are both there.",
                nullable=True,
            ),
            field(
                "disagreement",
                pa.float32(),
                "Total variation distance of the text's and the audio's scores, 0 to 1; of a "
                "multi-label model the largest of any emotion's.",
                nullable=True,
            ),
            field("n_tokens", pa.int32(), "Tokens of the text before any cut; 0 without text."),
            field("truncated", pa.bool_(), "Whether the text was cut at the model's limit."),
            field("clip_seconds", pa.float32(), "Length of the clip.", nullable=True),
            field("model_version", pa.string(), "Content hash of the model that scored it."),
            field("run_id", pa.string(), "Hash of the run's date, inputs, model and settings."),
            *(
                field(
                    kept_column(name),
                    pa.string(),
                    f"The input's own field {name!a}, as text.",
                    nullable=True,
                )
                for name in kept
            ),
        ]
    )
