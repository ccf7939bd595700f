"""The item that comes in: a tweet, a clip, or a tweet with its clip."""

import pyarrow as pa

from schemas.fields import TIMESTAMP, field

ITEM_SCHEMA = pa.schema(
    [
        field("item_id", pa.string(), "The item's id, unique in a run."),
        field("text", pa.string(), "The post's text; of a repost its original's.", nullable=True),
        field("audio_uri", pa.string(), "The clip: a path or URI.", nullable=True),
        field("created_at", TIMESTAMP, "When the item was posted, UTC.", nullable=True),
        field("author_id", pa.string(), "Who posted it.", nullable=True),
        field(
            "lang",
            pa.string(),
            "Language tag as given (BCP 47), of a name its code.",
            nullable=True,
        ),
        field("hashtags", pa.list_(pa.string()), "Hashtags, lower case, without `#`."),
        field("repost_of", pa.string(), "The id of the post that it repeats.", nullable=True),
        field("text_is_cut", pa.bool_(), "Whether a program has cut the text."),
        field("warnings", pa.list_(pa.string()), "What was not understood, as codes."),
    ]
)
"""One row per item. `text` or `audio_uri` is there, or both."""
