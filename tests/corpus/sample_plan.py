"""What the sample corpus holds: the records of ``tweets.toml`` and what a run must count."""

from __future__ import annotations

import html
import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FILES = {
    "plain": "tweets.jsonl",
    "v2": "tweets_v2.jsonl",
    "v11": "tweets_v11.jsonl.gz",
    "csv": "tweets.csv",
    "parquet": "tweets.parquet",
}
HASHTAG = re.compile(r"#(\w+)")
NOT_SPOKEN = re.compile(r"https?://\S+|[@#]\w+|[^\w\s.,;:!?¿¡'\u2019\"%-]")

# Faults whose record cannot be given an id by whoever reads it.
NAMELESS = {"broken_json", "missing_id", "invalid_utf8"}
# Faults that lie in the clip, not in the tweet file.
IN_CLIP = {"undecodable_clip", "truncated_clip", "empty_clip", "non_finite_samples"}
FAULTS = {
    "broken_json": "the line is cut off in the middle of a string",
    "missing_id": "a record (inside a page) without `id`",
    "duplicate_id": "the id of a record in `tweets.jsonl`, with another text",
    "no_content": "neither text nor audio",
    "empty_text": "the text is only white space (blanks, tab, line break, U+3000)",
    "wrong_type": "`text` is the number 42",
    "invalid_utf8": "bytes in the text that are not UTF-8",
    "bad_timestamp": "`created_at` is `yesterday-ish`",
    "missing_clip": "`audio_uri` is `clips/gone.wav`, which does not exist",
    "clip_outside_roots": "`audio_uri` is `../../etc/passwd`",
    "two_clips": "a `.wav` and an `.mp3` clip with the stem of this tweet",
    "undecodable_clip": "plain text in a file called `.mp3`",
    "truncated_clip": "the header declares more samples than the file holds",
    "empty_clip": "a file of zero bytes",
    "non_finite_samples": "float samples that are NaN",
}

WARNED = frozenset({"bad_timestamp"})
"""Faults that cost no item: it is labelled with a warning."""

# Format in tweets.toml: file ending and ffmpeg's encoder arguments.
FORMATS: dict[str, tuple[str, str]] = {
    "wav": ("wav", "-ar 16000 -ac 1 -c:a pcm_s16le"),
    "wav8k": ("wav", "-ar 8000 -ac 1 -c:a pcm_s16le"),
    "wav24": ("wav", "-ar 16000 -ac 1 -c:a pcm_s24le"),
    "wavf32": ("wav", "-ar 16000 -ac 1 -c:a pcm_f32le"),
    "wavst": ("wav", "-ar 16000 -ac 2 -c:a pcm_s16le"),
    "flac": ("flac", "-ar 16000 -ac 1 -c:a flac -sample_fmt s16"),
    "mp3": ("mp3", "-ar 16000 -ac 1 -c:a libmp3lame -b:a 32k -id3v2_version 0"),
    "ogg": ("ogg", "-ar 16000 -ac 1 -c:a libvorbis -q:a 1"),
    "oggopus": ("ogg", "-ar 16000 -ac 1 -c:a libopus -b:a 20k"),
    "m4a": ("m4a", "-ar 16000 -ac 1 -c:a aac -b:a 32k"),
    "mp4": ("mp4", "-ar 16000 -ac 1 -c:a aac -b:a 32k"),
    "webm": ("webm", "-ar 16000 -ac 1 -c:a libopus -b:a 20k"),
}


@dataclass(frozen=True)
class Record:
    """One record of tweets.toml: a tweet, or a voice note when ``source`` is ``notes``."""

    source: str
    id: str
    mood: str
    text: str
    say: str
    lang: str
    by: str
    author_id: str
    handle: str
    at: datetime | None
    clip: str | None
    bad: str | None
    page: int | None
    uri: bool
    long: bool

    @property
    def is_refused(self) -> bool:
        return self.bad is not None and self.bad not in WARNED

    @property
    def clip_path(self) -> str | None:
        return None if self.clip is None else f"clips/{self.id}.{FORMATS[self.clip][0]}"

    @property
    def audio_uri(self) -> str | None:
        if self.bad == "missing_clip":
            return "clips/gone.wav"
        if self.bad == "clip_outside_roots":
            return "../../etc/passwd"
        return self.clip_path if self.uri else None

    @property
    def when(self) -> datetime:
        if self.at is None:
            raise ValueError(f"{self.id}: a voice note has no time")
        return self.at

    @property
    def tags(self) -> list[str]:
        return HASHTAG.findall(self.text)


def load_records(path: Path) -> list[Record]:
    """Every record of tweets.toml, in file order."""
    plan = tomllib.loads(path.read_text(encoding="utf-8"))
    authors = plan["authors"]
    rows = [(source, row) for source in FILES for row in plan["tweets"][source]]
    rows += [("notes", row) for row in plan["voice_notes"]["notes"]]
    return [_record(source, row, authors) for source, row in rows]


def _record(source: str, row: dict[str, Any], authors: dict[str, dict[str, str]]) -> Record:
    bad = row.get("bad")
    if bad is not None and bad not in FAULTS:
        raise ValueError(f"{row['id']}: unknown fault {bad!r}")
    author = authors.get(row.get("by", ""), {"id": "", "handle": ""})
    at = f"2026-11-{row['at']}" if "at" in row else None
    text = row.get("text", "")
    return Record(
        source=source,
        id=row["id"],
        mood=row["mood"],
        text=text,
        say=row.get("say", " ".join(NOT_SPOKEN.sub(" ", html.unescape(text)).split())),
        lang=row.get("lang", "en"),
        by=row.get("by", row["id"]),
        author_id=author["id"],
        handle=author["handle"],
        at=datetime.fromisoformat(at).replace(tzinfo=UTC) if at else None,
        clip=row.get("clip"),
        bad=bad,
        page=row.get("page"),
        uri=row.get("uri", False),
        long=row.get("long", False),
    )


def fault_file(record: Record) -> str:
    """The file in which the fault lies."""
    if record.clip_path and record.bad in IN_CLIP:
        return record.clip_path
    if record.clip_path and record.bad == "two_clips":
        return min(record.clip_path, f"clips/{record.id}.mp3")
    return FILES[record.source]


def modality(record: Record) -> str:
    if record.source == "notes":
        return "audio"
    return "text" if record.clip is None else "text+audio"


def expected(records: list[Record]) -> dict[str, Any]:
    """Items, good items by modality and dead ones: every record of tweets.toml is one item."""
    dead = [
        {
            "item_id": None if r.bad in NAMELESS else r.id,
            "file": fault_file(r),
            "reason": r.bad,
        }
        for r in records
        if r.is_refused
    ]
    good = Counter(modality(r) for r in records if not r.is_refused)
    return {
        "items": len(records),
        "by_modality": dict(sorted(good.items())),
        "dead": sorted(dead, key=lambda d: (str(d["file"]), str(d["reason"]))),
    }
