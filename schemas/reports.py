"""The report tables: what a run's labels and dead letters add up to."""

import pyarrow as pa

from schemas.fields import TIMESTAMP, field
from schemas.labels import UNCERTAIN

SHARE_GROUPS: dict[str, pa.Field | None] = {
    "by_emotion": None,
    "by_hour": field(
        "hour", TIMESTAMP, "Start of the hour of posting, UTC; null: unknown.", nullable=True
    ),
    "by_day": field("day", pa.date32(), "Day of posting, UTC; null: unknown.", nullable=True),
    "by_language": field("lang", pa.string(), "Language tag; null: unknown.", nullable=True),
    "by_hashtag": field("hashtag", pa.string(), "Hashtag, lower case, without `#`."),
    "by_author": field("author_id", pa.string(), "Who posted; null: unknown.", nullable=True),
    "by_modality": field("modality", pa.string(), "What was scored: text, audio or text+audio."),
}
"""The tables of shares, and the column that each groups items by; None for the corpus as a whole.

In `by_hashtag` an item counts once for each of its hashtags, and not at all without one.
"""


def _share_schema(group: pa.Field | None) -> pa.Schema:
    return pa.schema(
        [
            *([group] if group is not None else []),
            field(
                "emotion",
                pa.string(),
                f"The emotion, or `{UNCERTAIN}`; those that no item has are left out.",
            ),
            field("n_items", pa.int64(), "Items of the group with this emotion."),
            field("n_group", pa.int64(), "Items of the group."),
            field("share", pa.float64(), "n_items / n_group, 0 to 1."),
            field("share_low", pa.float64(), "Lower end of the share's 95 % Wilson interval."),
            field("share_high", pa.float64(), "Upper end of the share's 95 % Wilson interval."),
            field("mean_confidence", pa.float64(), "Mean confidence of the n_items, 0 to 1."),
        ]
    )


DISAGREEMENT_SCHEMA = pa.schema(
    [
        field("text_emotion", pa.string(), "What the text alone says."),
        field("audio_emotion", pa.string(), "What the audio alone says."),
        field("n_items", pa.int64(), "Items with text and audio for which they say so."),
        field("mean_disagreement", pa.float64(), "Their mean total variation distance, 0 to 1."),
    ]
)
DEAD_LETTERS_BY_REASON_SCHEMA = pa.schema(
    [
        field("stage", pa.string(), "The step that refused the items."),
        field("reason", pa.string(), "Why, as one word of a fixed list."),
        field("n_items", pa.int64(), "How many items."),
    ]
)
RUN_SUMMARY_SCHEMA = pa.schema(
    [
        field("run_id", pa.string(), "Hash of the run's date, inputs, model and settings."),
        field("model_version", pa.string(), "Content hash of the model."),
        field("n_items", pa.int64(), "Items that came in: n_labels + n_dead."),
        field("n_labels", pa.int64(), "Items that were labelled."),
        field("n_dead", pa.int64(), "Items that were refused."),
        field("n_text", pa.int64(), "Items labelled from text alone."),
        field("n_audio", pa.int64(), "Items labelled from audio alone."),
        field("n_text_audio", pa.int64(), "Items labelled from text and audio."),
        field(
            "first_created_at",
            TIMESTAMP,
            "When the earliest labelled item was posted, UTC; null: no item has a time.",
            nullable=True,
        ),
        field(
            "last_created_at",
            TIMESTAMP,
            "When the latest labelled item was posted, UTC; null: no item has a time.",
            nullable=True,
        ),
        field(
            "mean_confidence",
            pa.float64(),
            "Mean confidence of the labelled items, 0 to 1; null without any.",
            nullable=True,
        ),
    ]
)

REPORT_SCHEMAS: dict[str, pa.Schema] = {
    **{name: _share_schema(group) for name, group in SHARE_GROUPS.items()},
    "disagreement": DISAGREEMENT_SCHEMA,
    "dead_letters_by_reason": DEAD_LETTERS_BY_REASON_SCHEMA,
    "run_summary": RUN_SUMMARY_SCHEMA,
}
"""Every report table of a run. None holds a wall-clock time of the run."""
