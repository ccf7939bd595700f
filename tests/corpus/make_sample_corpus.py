"""Write the sample corpus, ``beam_jobs/sample_corpus``, that ``make demo`` scores.

    python tests/corpus/make_sample_corpus.py [--out FOLDER]

``tweets.toml`` beside this file holds every post, voice note and deliberate fault; this script,
with ``sample_plan.py`` and ``sample_clips.py``, only renders it: five tweet files in five layouts,
the clips (spoken by espeak-ng, encoded by ffmpeg), ``expected.json`` (what a correct run must
count) and ``README.md``.

Needs espeak-ng and ffmpeg on PATH, and pyarrow. There is no randomness and no clock in it, and
encoders are kept from writing their own metadata, so the same versions of espeak-ng, ffmpeg and
pyarrow give the same bytes; other versions give clips that differ in bytes but not in meaning.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import importlib
import io
import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import timedelta, timezone
from itertools import groupby
from pathlib import Path
from string import Template
from typing import Any

from sample_clips import write_clips
from sample_plan import FAULTS, FILES, HASHTAG, NAMELESS, Record, expected, load_records, modality

HERE = Path(__file__).resolve().parent
DEFAULT_OUT = HERE.parents[1] / "beam_jobs" / "sample_corpus"
BLANK = " \u3000\t\n "  # the text of the record whose fault is empty_text
MAX_BYTES = 5 * 1024 * 1024


def _spans(text: str, pattern: re.Pattern[str]) -> Iterator[tuple[int, int, str]]:
    return ((m.start(), m.end(), m.group(1)) for m in pattern.finditer(text))


def _iso(record: Record) -> str:
    """UTC with a Z, or the local offset for the authors who write German, Spanish or French."""
    if record.lang in {"de", "es", "fr"}:
        return record.when.astimezone(timezone(timedelta(hours=1))).isoformat()
    return record.when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _dump(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def plain_item(record: Record) -> dict[str, Any]:
    item: dict[str, Any] = {
        "item_id": record.id,
        "text": 42 if record.bad == "wrong_type" else record.text,
        "created_at": _iso(record),
        "author_id": record.author_id,
        "lang": record.lang,
    }
    if record.tags or int(record.id) % 2:
        item["hashtags"] = record.tags
    if record.audio_uri:
        item["audio_uri"] = record.audio_uri
    return item


def v2_tweet(record: Record) -> dict[str, Any]:
    tweet: dict[str, Any] = {
        "id": record.id,
        "text": record.text,
        "created_at": record.when.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        "author_id": record.author_id,
        "lang": record.lang,
    }
    if record.tags:
        tags = [{"start": s, "end": e, "tag": t} for s, e, t in _spans(record.text, HASHTAG)]
        tweet["entities"] = {"hashtags": tags}
    if record.bad == "missing_id":
        del tweet["id"]
    return tweet


def v11_tweet(record: Record) -> dict[str, Any]:
    tags = [{"text": t, "indices": [s, e]} for s, e, t in _spans(record.text, HASHTAG)]
    tweet: dict[str, Any] = {
        "created_at": record.when.strftime("%a %b %d %H:%M:%S +0000 %Y"),
        "id": int(record.id),
        "id_str": record.id,
        "full_text": record.text,
        "truncated": False,
        "entities": {"hashtags": tags},
        "user": {"id_str": record.author_id, "screen_name": record.handle},
        "lang": record.lang,
    }
    if record.bad == "no_content":
        del tweet["full_text"]
    return tweet


def _fault_line(record: Record, line: bytes) -> bytes:
    if record.bad == "broken_json":
        return line[: len(line) // 2]
    if record.bad == "invalid_utf8":
        return line.replace(b"could", b"c\xff\xfeuld", 1)
    return line


def v2_lines(records: Iterable[Record]) -> Iterator[bytes]:
    """One tweet a line, except that records sharing a page number share a line."""
    for page, group in groupby(records, key=lambda r: r.page):
        members = list(group)
        if page is None:
            yield from (_fault_line(r, _dump(v2_tweet(r))) for r in members)
        else:
            yield _dump(
                {"data": [v2_tweet(r) for r in members], "meta": {"result_count": len(members)}}
            )


def csv_text(records: Iterable[Record]) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["item_id", "text", "created_at", "author_id", "lang", "hashtags"])
    for r in records:
        at = "yesterday-ish" if r.bad == "bad_timestamp" else _iso(r)
        writer.writerow([r.id, r.text, at, r.author_id, r.lang, " ".join(r.tags)])
    return buffer.getvalue()


def write_parquet(records: list[Record], path: Path) -> None:
    pa: Any = importlib.import_module("pyarrow")  # neither ships type information
    pq: Any = importlib.import_module("pyarrow.parquet")
    columns = {
        "item_id": ([r.id for r in records], pa.string()),
        "text": ([BLANK if r.bad == "empty_text" else r.text for r in records], pa.string()),
        "created_at": ([r.when for r in records], pa.timestamp("us", tz="UTC")),
        "author_id": ([r.author_id for r in records], pa.string()),
        "lang": ([r.lang for r in records], pa.string()),
        "hashtags": ([r.tags for r in records], pa.list_(pa.string())),
        "audio_uri": ([r.audio_uri for r in records], pa.string()),
    }
    arrays = {name: pa.array(values, type=kind) for name, (values, kind) in columns.items()}
    pq.write_table(pa.table(arrays), path, compression="zstd")


def write_tweets(records: list[Record], out: Path) -> None:
    of = {source: [r for r in records if r.source == source] for source in FILES}
    plain = (_fault_line(r, _dump(plain_item(r))) for r in of["plain"])
    v11 = (_dump(v11_tweet(r)) for r in of["v11"])
    (out / FILES["plain"]).write_bytes(_lines(plain))
    (out / FILES["v2"]).write_bytes(_lines(v2_lines(of["v2"])))
    (out / FILES["v11"]).write_bytes(gzip.compress(_lines(v11), mtime=0))
    (out / FILES["csv"]).write_bytes(csv_text(of["csv"]).encode())
    write_parquet(of["parquet"], out / FILES["parquet"])


def _lines(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def _code(name: str | None) -> str:
    return "none" if name is None else f"`{name}`"


def _line(record: Record, records: list[Record]) -> str:
    """Where a record is that has no id to find it by."""
    if record.bad not in NAMELESS:
        return ""
    own = [r for r in records if r.source == record.source]
    lines = [key for key, _ in groupby(own, key=lambda r: r.id if r.page is None else r.page)]
    return f"line {lines.index(record.id if record.page is None else record.page) + 1}: "


def readme(records: list[Record], out: Path) -> str:
    """The folder's README.md, from the template beside this script."""
    good = [r for r in records if not r.is_refused]
    files = [
        f"| `{name}` | {sum(r.source == source for r in records)} | "
        f"{sum(r.source == source for r in good)} | "
        f"{sum(r.source == source and r.clip is not None for r in good)} |"
        for source, name in FILES.items()
    ]
    where = {str(r.bad): _line(r, records) for r in records if r.is_refused}
    bad = [
        f"| `{d['file']}` | {_code(d['item_id'])} | "
        f"{where[d['reason']]}{FAULTS[d['reason']]} | `{d['reason']}` |"
        for d in expected(records)["dead"]
    ]
    endings = Counter(path.suffix[1:] for path in (out / "clips").iterdir())
    moods = Counter(r.mood for r in good)
    counts = Counter(modality(r) for r in good)
    template = Template((HERE / "sample_readme.md").read_text(encoding="utf-8"))
    return template.substitute(
        files="\n".join(files),
        bad="\n".join(bad),
        bad_count=len(bad),
        items=len(records),
        text=counts["text"],
        both=counts["text+audio"],
        audio=counts["audio"],
        clip_count=endings.total(),
        endings=", ".join(f"{n} {ending}" for ending, n in sorted(endings.items())),
        moods=", ".join(f"{mood} {n}" for mood, n in sorted(moods.items())),
    )


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write MM-EMOR's sample corpus.")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="default: %(default)s")
    out: Path = parser.parse_args(argv).out
    missing = [tool for tool in ("espeak-ng", "ffmpeg") if shutil.which(tool) is None]
    if missing:
        print(f"make_sample_corpus: not on PATH: {', '.join(missing)}", file=sys.stderr)
        return 2
    records = load_records(HERE / "tweets.toml")
    out.mkdir(parents=True, exist_ok=True)
    write_clips(records, out)
    write_tweets(records, out)
    report = json.dumps(expected(records), indent=2) + "\n"
    (out / "expected.json").write_text(report, encoding="utf-8")
    (out / "README.md").write_text(readme(records, out), encoding="utf-8")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    print(f"{len(records)} items, {size / 1e6:.2f} MB in {out}")
    if size > MAX_BYTES:
        print(f"make_sample_corpus: over the limit of {MAX_BYTES} bytes", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
