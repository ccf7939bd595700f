"""The report tables: what labels and dead letters add up to, of one run or of a span of dates."""

import pyarrow as pa

from schemas.fields import TIMESTAMP, field
from schemas.labels import NO_EMOTION, UNCERTAIN

N_CONFIDENCE_BINS = 20
"""Bins of `confidence_distribution`, each 1 / N_CONFIDENCE_BINS wide."""

SHARE_GROUPS: dict[str, pa.Field | None] = {
    "by_emotion": None,
    "by_hour": field(
        "hour", TIMESTAMP, "Start of the hour of posting, UTC; null: unknown.", nullable=True
    ),
    "by_day": field("day", pa.date32(), "Day of posting, UTC; null: unknown.", nullable=True),
    "by_weekday": field(
        "weekday",
        pa.int32(),
        "Day of the week of posting, UTC: 1 for Monday to 7 for Sunday; null: unknown.",
        nullable=True,
    ),
    "by_language": field("lang", pa.string(), "Language tag; null: unknown.", nullable=True),
    "by_hashtag": field("hashtag", pa.string(), "Hashtag, lower case, without `#`."),
    "by_author": field("author_id", pa.string(), "Who posted; null: unknown.", nullable=True),
    "by_modality": field("modality", pa.string(), "What was scored: text, audio or text+audio."),
}
"""The tables of shares, and the column that each groups items by; None for the corpus as a whole.

In `by_hashtag` an item counts once for each of its hashtags, and not at all without one. Of a
multi-label model it counts once for each of its emotions, so that the shares of a group may add
up to more than 1; without any it counts for `NO_EMOTION`.
"""
_COUNTED_EMOTION = (
    f"The emotion, `{UNCERTAIN}`, or `{NO_EMOTION}` of items of a multi-label model that have none"
)


def share_schema(group: pa.Field | None) -> pa.Schema:
    """Returns the schema of a table of shares that groups items by a column, or by none."""
    return pa.schema(
        [
            *([group] if group is not None else []),
            field(
                "emotion",
                pa.string(),
                f"{_COUNTED_EMOTION}; those that no item has are left out.",
            ),
            field("n_items", pa.int64(), "Items of the group with this emotion."),
            field("n_group", pa.int64(), "Items of the group."),
            field(
                "share",
                pa.float64(),
                "n_items / n_group, 0 to 1; of a multi-label model they may add up to more than 1.",
            ),
            field("share_low", pa.float64(), "Lower end of the share's 95 % Wilson interval."),
            field("share_high", pa.float64(), "Upper end of the share's 95 % Wilson interval."),
            field(
                "mean_confidence",
                pa.float64(),
                "Mean confidence of the n_items, 0 to 1; of a multi-label model, that of their "
                "highest emotions.",
            ),
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
MOST_DISAGREEING_SCHEMA = pa.schema(
    [
        field("item_id", pa.string(), "The item's id."),
        field("created_at", TIMESTAMP, "When the item was posted, UTC.", nullable=True),
        field("emotion", pa.string(), f"What text and audio say together, or `{UNCERTAIN}`."),
        field("confidence", pa.float32(), "The score of that emotion, 0 to 1."),
        field("text_emotion", pa.string(), "What the text alone says."),
        field("audio_emotion", pa.string(), "What the audio alone says."),
        field("disagreement", pa.float32(), "Total variation distance of the two, 0 to 1."),
        field("run_id", pa.string(), "The run whose label this is."),
    ]
)
"""The items whose text and audio disagree most, the most of them first: a sign of irony."""
HASHTAG_LIFT_SCHEMA = pa.schema(
    [
        field("hashtag", pa.string(), "Hashtag, lower case, without `#`."),
        field("emotion", pa.string(), f"{_COUNTED_EMOTION}."),
        field("n_items", pa.int64(), "Items with this hashtag and this emotion."),
        field("n_group", pa.int64(), "Items with this hashtag."),
        field("share", pa.float64(), "n_items / n_group, 0 to 1."),
        field("corpus_share", pa.float64(), "The emotion's share of all items, 0 to 1."),
        field("lift", pa.float64(), "share / corpus_share: 2 is twice as often as elsewhere."),
        field(
            "p_value",
            pa.float64(),
            "Fisher's exact test of items with the hashtag against those without; twice the "
            "smaller of its two tails.",
        ),
        field(
            "q_value",
            pa.float64(),
            "p_value adjusted for all rows of the table (Benjamini and Hochberg): of the rows with "
            "at most .05, one in twenty is expected to be chance.",
        ),
    ]
)
CONFIDENCE_DISTRIBUTION_SCHEMA = pa.schema(
    [
        field(
            "emotion",
            pa.string(),
            f"The emotion with the highest score, or `{UNCERTAIN}`: here each item counts once.",
        ),
        field("confidence_low", pa.float64(), "Lower end of the bin, 0 to 1; it lies in the bin."),
        field("confidence_high", pa.float64(), "Upper end of the bin; only 1 lies in its bin."),
        field("n_items", pa.int64(), "Items of this emotion with a confidence in the bin."),
    ]
)
GROUPS_LEFT_OUT_SCHEMA = pa.schema(
    [
        field("report", pa.string(), "Name of the table of shares."),
        field("n_groups", pa.int64(), "Groups in the table."),
        field(
            "n_counted",
            pa.int64(),
            "Items of these groups; one of several groups counts once for each.",
        ),
        field("n_left_out", pa.int64(), "Items of the groups that are left out."),
        field(
            "min_items",
            pa.int64(),
            "A group with fewer items is left out; above 1 also where there are too many groups "
            "to keep count of.",
        ),
    ]
)
"""Which tables of shares lack groups; those that hold every group are not in it."""
DEAD_LETTERS_BY_REASON_SCHEMA = pa.schema(
    [
        field("stage", pa.string(), "The step that refused the items."),
        field("reason", pa.string(), "Why, as one word of a fixed list."),
        field("n_items", pa.int64(), "How many items."),
    ]
)
WARNINGS_SCHEMA = pa.schema(
    [
        field("code", pa.string(), "What was not understood, as one word of a fixed list."),
        field("n_items", pa.int64(), "Labelled items with this code; one of several counts twice."),
    ]
)
RUN_SUMMARY_SCHEMA = pa.schema(
    [
        field("date", pa.date32(), "The date that the run is for."),
        field("run_id", pa.string(), "Hash of the run's date, inputs, model and settings."),
        field("model_version", pa.string(), "Content hash of the model."),
        field("n_items", pa.int64(), "Items that came in: n_labels + n_dead."),
        field("n_labels", pa.int64(), "Items that were labelled."),
        field("n_dead", pa.int64(), "Items that were refused."),
        field("n_text", pa.int64(), "Items labelled from text alone."),
        field("n_audio", pa.int64(), "Items labelled from audio alone."),
        field("n_text_audio", pa.int64(), "Items labelled from text and audio."),
        field("n_reposts", pa.int64(), "Labelled items that repeat another post."),
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
CHANGE_SCHEMA = pa.schema(
    [
        field(
            "measure",
            pa.string(),
            "`share` of an emotion among the labelled items, `mean_confidence` of these, "
            "`dead_letter_rate` among all items, or `jensen_shannon_distance` of the two spans' "
            "shares (base 2, 0 to 1), which is left out where items have several emotions.",
        ),
        field("emotion", pa.string(), "The emotion of a share; else null.", nullable=True),
        field("value", pa.float64(), "The measure in this span; the distance itself."),
        field("value_before", pa.float64(), "In the span before; for the distance 0."),
        field("shift", pa.float64(), "value - value_before."),
        field(
            "shift_low",
            pa.float64(),
            "Lower end of its 95 % interval; null for the distance.",
            nullable=True,
        ),
        field(
            "shift_high",
            pa.float64(),
            "Upper end of its 95 % interval; null for the distance.",
            nullable=True,
        ),
        field("p_value", pa.float64(), "How likely chance alone shifts it so far, 0 to 1."),
        field(
            "q_value",
            pa.float64(),
            "p_value adjusted for all rows of the table (Holm): the chance that any of those with "
            "at most as much is chance.",
        ),
        field("alert", pa.bool_(), "Whether it moved further than chance, and than `--min-shift`."),
    ]
)
"""This span beside the one before; no rows where there is none."""
CHANGE_BY_GROUP_SCHEMA = pa.schema(
    [
        field("report", pa.string(), "Table of shares that the group is of."),
        field("group", pa.string(), "The group, as text; null: unknown.", nullable=True),
        field("emotion", pa.string(), f"{_COUNTED_EMOTION}."),
        field("n_items", pa.int64(), "Items of the group with this emotion in this span."),
        field("n_items_before", pa.int64(), "In the span before."),
        field("n_group", pa.int64(), "Items of the group in this span."),
        field("n_group_before", pa.int64(), "In the span before."),
        field(
            "contribution",
            pa.float64(),
            "n_items / all items, minus the same of the span before: over groups that share no "
            "item this adds up to the shift of the emotion's share.",
        ),
    ]
)
"""Which groups moved the shares, those that moved them most first within a table of shares."""

REPORT_SCHEMAS: dict[str, pa.Schema] = {
    **{name: share_schema(group) for name, group in SHARE_GROUPS.items()},
    "hashtag_lift": HASHTAG_LIFT_SCHEMA,
    "disagreement": DISAGREEMENT_SCHEMA,
    "most_disagreeing": MOST_DISAGREEING_SCHEMA,
    "confidence_distribution": CONFIDENCE_DISTRIBUTION_SCHEMA,
    "groups_left_out": GROUPS_LEFT_OUT_SCHEMA,
    "dead_letters_by_reason": DEAD_LETTERS_BY_REASON_SCHEMA,
    "warnings": WARNINGS_SCHEMA,
    "run_summary": RUN_SUMMARY_SCHEMA,
}
"""Every report table of a run. None holds a wall-clock time of the run."""
CHANGE_SCHEMAS: dict[str, pa.Schema] = {
    "change": CHANGE_SCHEMA,
    "change_by_group": CHANGE_BY_GROUP_SCHEMA,
}
"""What `mm-emor report` adds: a span of dates beside another."""
