"""The dead-letter row: an item that was refused, why, and where it came from."""

from enum import StrEnum

import pyarrow as pa

from schemas.fields import field

PAYLOAD_LIMIT_BYTES = 4096
"""How much of a refused item's own bytes a dead letter keeps."""


class Stage(StrEnum):
    """The step of the job that refused the item."""

    READ = "read"
    JOIN = "join"
    PREPROCESS = "preprocess"
    SCORE = "score"


class Reason(StrEnum):
    """Why an item was refused: one word of this list, so that counts by reason add up over runs."""

    BROKEN_JSON = "broken_json"
    INVALID_UTF8 = "invalid_utf8"
    MALFORMED_ROW = "malformed_row"
    UNREADABLE_FILE = "unreadable_file"
    MISSING_ID = "missing_id"
    WRONG_TYPE = "wrong_type"
    FIELD_TOO_LONG = "field_too_long"
    DELETED_POST = "deleted_post"
    NOT_A_POST = "not_a_post"
    NO_CONTENT = "no_content"
    DUPLICATE_ID = "duplicate_id"
    TWO_CLIPS = "two_clips"
    EMPTY_TEXT = "empty_text"
    UNSUPPORTED_MODALITY = "unsupported_modality"
    CLIP_OUTSIDE_ROOTS = "clip_outside_roots"
    MISSING_CLIP = "missing_clip"
    CLIP_TOO_LARGE = "clip_too_large"
    CLIP_TOO_LONG = "clip_too_long"
    EMPTY_CLIP = "empty_clip"
    UNDECODABLE_CLIP = "undecodable_clip"
    TRUNCATED_CLIP = "truncated_clip"
    CLIP_TIMEOUT = "clip_timeout"
    SILENT_CLIP = "silent_clip"
    NON_FINITE_SAMPLES = "non_finite_samples"
    SCORING_FAILED = "scoring_failed"


REASON_MEANINGS: dict[Reason, str] = {
    Reason.BROKEN_JSON: "the line is not a JSON object",
    Reason.INVALID_UTF8: "the line or a field is not valid Unicode",
    Reason.MALFORMED_ROW: "the CSV row has broken quotes, or other cells than the header",
    Reason.UNREADABLE_FILE: "the file, or its rest, cannot be read; the job ends with exit code 1",
    Reason.MISSING_ID: "the item has no id",
    Reason.WRONG_TYPE: "a field is of the wrong type, such as a text that is a number",
    Reason.FIELD_TOO_LONG: "the id, the text or audio_uri has more characters than any post has",
    Reason.DELETED_POST: "the post was deleted or removed before the file was written",
    Reason.NOT_A_POST: "the record is no post: a like, a follow, a repost without its original …",
    Reason.NO_CONTENT: "the item has neither text nor audio",
    Reason.DUPLICATE_ID: "the id stands earlier, in a smaller file name or line",
    Reason.TWO_CLIPS: "two different clips carry the item's id",
    Reason.EMPTY_TEXT: "nothing readable is left of the text, and there is no clip",
    Reason.UNSUPPORTED_MODALITY: "the model was not trained for what the item has",
    Reason.CLIP_OUTSIDE_ROOTS: "the clip lies under no --audio-root",
    Reason.MISSING_CLIP: "there is no file at audio_uri, or it cannot be read",
    Reason.CLIP_TOO_LARGE: "the clip's file is larger than the model's limit",
    Reason.CLIP_TOO_LONG: "the clip is longer than the model's limit",
    Reason.EMPTY_CLIP: "the clip has no bytes or no samples",
    Reason.UNDECODABLE_CLIP: "the clip is not audio that can be decoded",
    Reason.TRUNCATED_CLIP: "the clip ends more than 2 % or 0.5 s before its header says it does",
    Reason.CLIP_TIMEOUT: "decoding the clip took longer than a minute, and was ended",
    Reason.SILENT_CLIP: "the clip has no sound: it stays below -60 dBFS throughout",
    Reason.NON_FINITE_SAMPLES: "the clip holds NaN or infinite samples",
    Reason.SCORING_FAILED: "the model failed on this item alone, too",
}

NOT_BAD = frozenset({Reason.DELETED_POST, Reason.NOT_A_POST})
"""Reasons for which nobody has to mend anything: they do not count as bad items."""

DEAD_LETTER_SCHEMA = pa.schema(
    [
        field("item_id", pa.string(), "The item's id, where one could be read.", nullable=True),
        field("stage", pa.string(), "The step that refused it: " + ", ".join(Stage) + "."),
        field("reason", pa.string(), "Why, as one word of a fixed list."),
        field("message", pa.string(), "Why, in a sentence that names the value and the rule."),
        field("source", pa.string(), "The file and the line or row."),
        field("payload", pa.string(), "The refused input itself, cut at 4 KiB.", nullable=True),
        field(
            "content_key",
            pa.string(),
            "Digest of the whole refused input, to tell the same one again; where texts or authors "
            "are hidden, made with the key of the authors' tokens, and null without one.",
            nullable=True,
        ),
        field("run_id", pa.string(), "Hash of the run's date, inputs, model and settings."),
    ]
)
