"""What `--source` may be; it imports nothing, for a quick `--help`."""

from enum import StrEnum


class SourceName(StrEnum):
    """Who wrote the records: `AUTO` where each record tells, `PLAIN` who names fields as we do.

    Every other is a network, of one or more rows of `sources.SOURCES`.
    """

    AUTO = "auto"
    PLAIN = "plain"
    X = "x"
    BLUESKY = "bluesky"
    MASTODON = "mastodon"
    REDDIT = "reddit"
    YOUTUBE = "youtube"
    TIKTOK = "tiktok"
