"""The item that comes in: a tweet, a clip, or a tweet with its clip."""

import pyarrow as pa

from schemas.fields import TIMESTAMP, field

ITEM_SCHEMA = pa.schema(
    [
        field("item_id", pa.string(), "The item's id, unique in a run."),
        field("text", pa.string(), "The tweet's text, as posted.", nullable=True),
        field("audio_uri", pa.string(), "The clip: a path or URI.", nullable=True),
        field("created_at", TIMESTAMP, "When the item was posted, UTC.", nullable=True),
        field("author_id", pa.string(), "Who posted it.", nullable=True),
        field("lang", pa.string(), "Language tag as given (BCP 47).", nullable=True),
        field("hashtags", pa.list_(pa.string()), "Hashtags, lower case, without `#`."),
    ]
)
"""One row per item. `text` or `audio_uri` is there, or both."""
