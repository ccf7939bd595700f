"""Where each source has the fields of a post: one table, to read and to add to.

A path is written with dots; `0`, `*` and `type=retweeted` are steps into a list. Of several paths
of a field the first that holds a value decides, and last of all the field's own name. A record that
has a `text` is scored on it, and another only where a program writes both. To add a program's
format, add a row: which keys tell its records, and where its fields stand. Rows of one name are one
choice of `--source`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from beam_jobs.reading.key_paths import KeyPath, parse_paths
from beam_jobs.reading.source_name import SourceName

AUTO, PLAIN = SourceName.AUTO, SourceName.PLAIN
FIELDS = ("item_id", "text", "audio_uri", "created_at", "author_id", "lang", "hashtags")
"""What `--column` can rename."""


@dataclass(frozen=True)
class Source:
    """How the records of one program are laid out.

    Attributes:
        name: the `--source` that it is of.
        program: who writes records like this.
        marks: sets of keys at the top of a record, each of which tells that it is of this kind.
        fields: the paths of each of `FIELDS`.
        originals: where the post stands that a repost repeats, whole.
        repost_of: where its id stands, alone.
        html: the paths of texts that are HTML.
        joined: the fields whose paths are all read, and put together.
        deleted: matches what stands in place of a text that was deleted or removed.
    """

    name: str
    program: str
    marks: tuple[frozenset[str], ...]
    fields: Mapping[str, tuple[KeyPath, ...]]
    originals: tuple[KeyPath, ...] = ()
    repost_of: tuple[KeyPath, ...] = ()
    html: frozenset[KeyPath] = frozenset()
    joined: frozenset[str] = frozenset()
    deleted: re.Pattern[str] | None = None

    @property
    def keys(self) -> frozenset[str]:
        """The keys at the top of a record that are looked at."""
        paths = [*self.originals, *self.repost_of]
        paths += [path for of_field in self.fields.values() for path in of_field]
        return frozenset({path[0] for path in paths}.union(*self.marks))


_USUAL = {"item_id": "id"}
"""Where a field stands that a row does not name, where it is not its own name."""


def _source(
    name: str,
    program: str,
    marks: tuple[str, ...] = (),
    *,
    originals: str = "",
    repost_of: str = "",
    html: str = "",
    joined: str = "",
    deleted: re.Pattern[str] | None = None,
    **fields: str,
) -> Source:
    paths = {each: parse_paths(fields.get(each, _USUAL.get(each, each))) for each in FIELDS}
    for each, of_field in paths.items():
        if (each,) not in of_field and not (each == "text" and each in joined):
            paths[each] = (*of_field, (each,))
    return Source(
        name=name,
        program=program,
        marks=tuple(frozenset(mark.split()) for mark in marks),
        fields=MappingProxyType(paths),
        originals=parse_paths(originals),
        repost_of=parse_paths(repost_of),
        html=frozenset(parse_paths(html)),
        joined=frozenset(joined.split()),
        deleted=deleted,
    )


_REMOVED = re.compile(r"\[\s*(deleted|removed)(\s+by\s+[^\[\]]{1,200})?\s*\]", re.IGNORECASE)


SOURCES = (
    _source(
        "bluesky",
        "getAuthorFeed, searchPosts, getPosts; listRecords and repositories; Jetstream",
        ("uri record", "uri value", "uri cid", "did record", "$type createdAt"),
        item_id="uri id",
        text="record.text value.text text",
        created_at="record.createdAt record.created_at value.createdAt createdAt created_at "
        "indexedAt indexed_at",
        author_id="author.did did repo author.handle author",
        lang="record.langs.0 value.langs.0 langs.0",
        hashtags="record.facets.*.features.*.tag value.facets.*.features.*.tag "
        "facets.*.features.*.tag record.tags value.tags tags",
        joined="hashtags",
        originals="reposted",
    ),
    _source(
        "bluesky",
        "posts, flattened",
        ("uri text",),
        item_id="id uri",
        created_at="createdAt created_at indexedAt indexed_at",
        author_id="author.did did repo author.handle author",
        lang="langs.0",
        hashtags="facets.*.features.*.tag tags",
        joined="hashtags",
    ),
    _source(
        "mastodon",
        "the API of Mastodon, Pleroma, GoToSocial",
        (
            "content reblog",
            "content account",
            "content spoiler_text",
            "content account.id",
            "content account.acct",
            "content favourites_count",
        ),
        item_id="id uri",
        text="content",
        author_id="account.id account.acct",
        lang="language",
        hashtags="tags",
        originals="reblog",
        html="content",
    ),
    _source(
        "mastodon",
        "the outbox of an archive, and other ActivityPub",
        (
            "content published",
            "content attributedTo",
            "content contentMap",
            "type published",
        ),
        text="text content",
        created_at="published",
        author_id="attributedTo actor",
        lang="language",
        hashtags="tag",
        originals="reblog",
        html="content",
    ),
    _source(
        "reddit",
        "posts with a text of the user's own making",
        ("text subreddit", "text subreddit_id", "text selftext"),
        item_id="id name",
        text="text selftext body title",
        created_at="created_utc created",
        author_id="author author_fullname",
        deleted=_REMOVED,
    ),
    _source(
        "reddit",
        "submissions of the API, of Pushshift and of PRAW's users",
        (
            "selftext",
            "title subreddit",
            "title subreddit_id",
            "title num_comments",
            "title comms_num",
        ),
        item_id="id name",
        text="title selftext body",
        joined="text",
        created_at="created_utc created",
        author_id="author author_fullname",
        deleted=_REMOVED,
    ),
    _source(
        "reddit",
        "comments of the API and of Pushshift",
        ("body subreddit", "body created_utc", "body link_id", "body parent_id", "body author"),
        item_id="id name",
        text="text body",
        created_at="created_utc created",
        author_id="author author_fullname",
        deleted=_REMOVED,
    ),
    _source(
        "youtube",
        "commentThreads.list and comments.list; videos.list and search.list",
        ("kind snippet", "id snippet"),
        text="snippet.textOriginal snippet.textDisplay",
        created_at="snippet.publishedAt",
        author_id="snippet.authorChannelId.value snippet.authorDisplayName",
        html="snippet.textDisplay",
    ),
    _source(
        "youtube",
        "comments, flattened or scraped",
        ("textDisplay", "textOriginal", "cid channel text"),
        item_id="id commentId comment_id cid",
        text="textOriginal textDisplay text",
        created_at="publishedAt time_parsed",
        author_id="authorChannelId.value authorChannelId channel authorDisplayName author",
        html="textDisplay",
    ),
    _source(
        "youtube",
        "comments of yt-dlp",
        ("text timestamp parent", "text timestamp author_is_uploader"),
        created_at="timestamp",
        author_id="author_id author",
    ),
    _source(
        "tiktok",
        "videos of the research API",
        ("video_description", "create_time hashtag_names", "create_time region_code"),
        item_id="id video_id",
        text="text video_description",
        created_at="create_time",
        author_id="username",
        hashtags="hashtag_names hashtag_info_list",
    ),
    _source(
        "tiktok",
        "comments of the research API",
        ("video_id create_time", "parent_comment_id create_time"),
        created_at="create_time",
        author_id="username",
    ),
    _source(
        "tiktok",
        "videos and comments, scraped",
        ("desc createTime", "text createTime", "text create_time cid", "desc aweme_id"),
        item_id="id cid aweme_id",
        text="text desc",
        created_at="createTime create_time",
        author_id="author.id authorMeta.id author.uniqueId user.uid author",
        lang="textLanguage comment_language",
        hashtags="textExtra.*.hashtagName challenges hashtags",
    ),
    _source(
        "x",
        "snscrape",
        ("_type url", "rawContent", "renderedContent", "content date"),
        text="text rawContent content renderedContent",
        created_at="date",
        author_id="user.id userId author_id user.username username",
        originals="retweetedTweet",
        repost_of="retweetedTweet.id",
    ),
    _source(
        "x",
        "twint",
        ("conversation_id tweet", "username tweet", "user_id tweet"),
        text="text tweet",
        created_at="created_at date",
        author_id="user_id user_id_str username",
        lang="language lang",
        repost_of="retweet_id",
    ),
    _source(
        "x",
        "X's own archive of information operations",
        ("tweetid tweet_text",),
        item_id="tweetid",
        text="text tweet_text",
        created_at="tweet_time",
        author_id="userid",
        lang="tweet_language",
        repost_of="retweet_tweetid",
    ),
    _source(
        "x",
        "note-tweet.js of X's own archive",
        ("noteTweetId core",),
        item_id="noteTweetId",
        text="core.text",
        created_at="createdAt",
        hashtags="core.hashtags",
    ),
    _source(
        "x",
        "GNIP's activities",
        ("body postedTime",),
        text="text body",
        created_at="postedTime",
        author_id="actor.id",
        lang="twitter_lang",
        hashtags="twitter_entities.hashtags",
    ),
    _source(
        "x",
        "API v1.1 and v2, as they are, flattened or as CSV: twarc, tweepy, hydrator, X's archive",
        item_id="item_id id_str id",
        text="note_tweet.text extended_tweet.full_text full_text fullText text",
        created_at="created_at createdAt",
        author_id="author_id user.id_str user.id author.id user_id_str user_id from_user_id userId",
        hashtags="hashtags note_tweet.entities.hashtags extended_tweet.entities.hashtags "
        "entities.hashtags",
        originals="retweeted_status referenced_tweets.type=retweeted referenced_tweets.retweeted",
        repost_of="retweet_id retweeted_status_id_str retweeted_status_id",
    ),
    _source(PLAIN, "who names the fields as this page does", item_id="item_id id"),
)
"""The first whose marks a record has is its own; one that has none is X's, whose API has most."""

DEFAULT = next(one for one in SOURCES if one.name == "x" and not one.marks)


@lru_cache(maxsize=4096)
def source_of(keys: tuple[str, ...], name: str = AUTO) -> Source:
    """Returns the source that a record's keys tell.

    Args:
        keys: at the top of the record, or a file's columns.
        name: the `--source` that was asked for: one of its rows is returned.

    >>> source_of(("id", "content", "account")).name, source_of(("id", "text")).name
    ('mastodon', 'x')
    >>> source_of(("id", "body"), "reddit").fields["text"]
    (('text',), ('body',))
    """
    there = frozenset(keys)
    chosen = [one for one in SOURCES if name in (AUTO, one.name)]
    if name == AUTO and "item_id" in there:  # our own name: nobody else's
        return DEFAULT
    for one in chosen:
        if any(mark <= there for mark in one.marks):
            return one
    if name == AUTO:
        return DEFAULT
    unmarked = [one for one in chosen if not one.marks]
    if unmarked:
        return unmarked[0]
    return min(chosen, key=lambda one: (-len(one.keys & there), len(one.fields["text"])))
