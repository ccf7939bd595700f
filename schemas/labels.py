"""The label row: what a run says of one item."""

from collections.abc import Sequence

import pyarrow as pa

from schemas.fields import TIMESTAMP, field

UNCERTAIN = "uncertain"
"""The `emotion` of an item whose confidence is below the run's limit, `--min-confidence`."""


def label_schema(emotions: Sequence[str]) -> pa.Schema:
    """Returns the schema of label rows for a model that tells `emotions` apart, in head order.

    >>> label_schema(["joy", "neutral"]).field("scores").type
    StructType(struct<joy: float not null, neutral: float not null>)
    """
    scores = pa.struct([pa.field(emotion, pa.float32(), nullable=False) for emotion in emotions])
    return pa.schema(
        [
            field("item_id", pa.string(), "The item's id."),
            field("created_at", TIMESTAMP, "When the item was posted, UTC.", nullable=True),
            field("author_id", pa.string(), "Who posted it.", nullable=True),
            field("lang", pa.string(), "Language tag as given.", nullable=True),
            field("hashtags", pa.list_(pa.string()), "Hashtags, lower case, without `#`."),
            field("modality", pa.string(), "What was scored: text, audio or text+audio."),
            field(
                "emotion",
                pa.string(),
                f"The emotion with the highest score; `{UNCERTAIN}` where that score is below "
                "`--min-confidence`.",
            ),
            field("confidence", pa.float32(), "That score: a calibrated probability, 0 to 1."),
            field("scores", scores, "A calibrated probability per emotion; they sum to 1."),
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
                "Total variation distance of the text's and the audio's scores, 0 to 1.",
                nullable=True,
            ),
            field("n_tokens", pa.int32(), "Tokens of the text before any cut; 0 without text."),
            field("truncated", pa.bool_(), "Whether the text was cut at the model's limit."),
            field("clip_seconds", pa.float32(), "Length of the clip.", nullable=True),
            field("model_version", pa.string(), "Content hash of the model that scored it."),
            field("run_id", pa.string(), "Hash of the run's date, inputs, model and settings."),
        ]
    )
