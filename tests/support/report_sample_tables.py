"""Tables of a report, counted from made-up items one by one."""

import math
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from beam_jobs.reports.page.report import Report, Span
from schemas.emotions import EKMAN_AND_NEUTRAL
from schemas.reports import (
    CHANGE_SCHEMAS,
    N_CONFIDENCE_BINS,
    REPORT_SCHEMAS,
    SHARE_GROUPS,
    share_schema,
)

SPAN = Span(date(2026, 11, 8), date(2026, 11, 14))
BEFORE = Span(date(2026, 11, 1), date(2026, 11, 7))
EKMAN_WEIGHTS = (9, 3, 4, 22, 48, 9, 5)
WARNED = (("lang_unread", 3), ("text_cut", 2), ("language_not_learned", 1))


@dataclass(frozen=True)
class Item:
    """What a label row says, as far as reports are made of it."""

    emotion: str
    confidence: float
    created_at: datetime | None = None
    lang: str | None = None
    hashtags: tuple[str, ...] = ()
    author_id: str | None = None
    modality: str = "text"
    text_emotion: str | None = None
    audio_emotion: str | None = None


KEYS: dict[str, Callable[[Item], Iterable[Any]]] = {
    "by_emotion": lambda item: [()],
    "by_hour": lambda item: [
        item.created_at and item.created_at.replace(minute=0, second=0, microsecond=0)
    ],
    "by_day": lambda item: [item.created_at and item.created_at.date()],
    "by_weekday": lambda item: [item.created_at and item.created_at.isoweekday()],
    "by_language": lambda item: [item.lang],
    "by_hashtag": lambda item: item.hashtags,
    "by_author": lambda item: [item.author_id],
    "by_modality": lambda item: [item.modality],
}


def wilson(k: int, n: int) -> tuple[float, float]:
    share, z2 = k / n, 1.96**2
    centre, half = share + z2 / 2 / n, 1.96 * math.sqrt(share * (1 - share) / n + z2 / 4 / n / n)
    return max(0.0, (centre - half) / (1 + z2 / n)), min(1.0, (centre + half) / (1 + z2 / n))


def shares(items: Sequence[Item], keys: Callable[[Item], Iterable[Any]]) -> list[dict[str, Any]]:
    counts: Counter[tuple[Any, str]] = Counter()
    totals: Counter[Any] = Counter()
    confidence: defaultdict[tuple[Any, str], float] = defaultdict(float)
    for item in items:
        for key in keys(item):
            counts[key, item.emotion] += 1
            totals[key] += 1
            confidence[key, item.emotion] += item.confidence
    rows = []
    for (key, emotion), n in counts.items():
        low, high = wilson(n, totals[key])
        rows.append(
            {
                "key": key,
                "emotion": emotion,
                "n_items": n,
                "n_group": totals[key],
                "share": n / totals[key],
                "share_low": low,
                "share_high": high,
                "mean_confidence": confidence[key, emotion] / n,
            }
        )
    return sorted(rows, key=lambda row: (row["key"] is None, str(row["key"]), row["emotion"]))


def share_table(
    items: Sequence[Item], keys: Callable[[Item], Iterable[Any]], group: pa.Field | None
) -> pa.Table:
    rows = shares(items, keys)
    named = [{**row, group.name: row["key"]} if group is not None else row for row in rows]
    return pa.Table.from_pylist(named, share_schema(group))


def lift_rows(items: Sequence[Item]) -> list[dict[str, Any]]:
    overall = {row["emotion"]: row["share"] for row in shares(items, KEYS["by_emotion"])}
    rows = []
    for row in shares(items, KEYS["by_hashtag"]):
        corpus = overall[row["emotion"]]
        z = (row["share"] - corpus) / math.sqrt(corpus * (1 - corpus) / row["n_group"] + 1e-12)
        p = math.erfc(abs(z) / math.sqrt(2))
        lift = {"lift": row["share"] / corpus, "p_value": p, "q_value": min(1.0, 10 * p)}
        rows.append({**row, **lift, "hashtag": row["key"], "corpus_share": corpus})
    return rows


def disagreement_rows(items: Sequence[Item]) -> list[dict[str, Any]]:
    counts = Counter((item.text_emotion, item.audio_emotion) for item in items if item.text_emotion)
    return [
        {
            "text_emotion": text,
            "audio_emotion": audio,
            "n_items": n,
            "mean_disagreement": 0.2 if text == audio else 0.8,
        }
        for (text, audio), n in sorted(counts.items())
    ]


def confidence_rows(items: Sequence[Item]) -> list[dict[str, Any]]:
    n_bins = N_CONFIDENCE_BINS
    counts = Counter(
        (item.emotion, min(int(item.confidence * n_bins), n_bins - 1)) for item in items
    )
    return [
        {
            "emotion": emotion,
            "confidence_low": number / n_bins,
            "confidence_high": (number + 1) / n_bins,
            "n_items": n,
        }
        for (emotion, number), n in sorted(counts.items())
    ]


def run_rows(items: Sequence[Item], dead: int, span: Span, model: str) -> list[dict[str, Any]]:
    n_days = (span.last - span.first).days + 1
    rows = []
    for day in range(n_days):
        mine = items[day::n_days]
        times = [item.created_at for item in mine if item.created_at]
        n_dead = dead // n_days + (day < dead % n_days)
        confidence = sum(item.confidence for item in mine) / len(mine) if mine else None
        modalities = Counter(item.modality for item in mine)
        rows.append(
            {
                "date": span.first + timedelta(days=day),
                "run_id": f"{day:016x}",
                "model_version": model,
                "n_items": len(mine) + n_dead,
                "n_labels": len(mine),
                "n_dead": n_dead,
                "n_text": modalities["text"],
                "n_audio": modalities["audio"],
                "n_text_audio": modalities["text+audio"],
                "n_reposts": 0,
                "first_created_at": min(times, default=None),
                "last_created_at": max(times, default=None),
                "mean_confidence": confidence,
            }
        )
    return rows


def change_rows(now: Sequence[Item], before: Sequence[Item]) -> list[dict[str, Any]]:
    one = {row["emotion"]: row["share"] for row in shares(now, KEYS["by_emotion"])}
    other = {row["emotion"]: row["share"] for row in shares(before, KEYS["by_emotion"])}
    rows = []
    for emotion in sorted({*one, *other}):
        a, b = one.get(emotion, 0.0), other.get(emotion, 0.0)
        half = 1.96 * math.sqrt(a * (1 - a) / len(now) + b * (1 - b) / len(before))
        rows.append(shift_row("share", emotion, a, b, half))
    rows.append(shift_row("mean_confidence", None, 0.66, 0.67, 0.02))
    rows.append(shift_row("dead_letter_rate", None, 0.031, 0.012, 0.004))
    return [*rows, shift_row("jensen_shannon_distance", None, 0.06, 0.0, None)]


def shift_row(
    measure: str, emotion: str | None, value: float, before: float, half: float | None
) -> dict[str, Any]:
    shift = value - before
    alert = half is not None and abs(shift) > 1.3 * half
    return {
        "measure": measure,
        "emotion": emotion,
        "value": value,
        "value_before": before,
        "shift": shift,
        "shift_low": None if half is None else shift - half,
        "shift_high": None if half is None else shift + half,
        "p_value": 0.001 if alert else 0.4,
        "q_value": 0.004 if alert else 1.0,
        "alert": alert,
    }


def report_of(
    items: Sequence[Item],
    dead: dict[tuple[str, str], int] | None = None,
    before: Sequence[Item] = (),
    span: Span = SPAN,
    model: str = "f2f9db3d81f643b7",
    **others: Any,
) -> Report:
    """Returns the report of the items; `others` go to `Report` itself."""
    dead = dead or {}
    tables = {name: share_table(items, KEYS[name], group) for name, group in SHARE_GROUPS.items()}
    both = [item for item in items if item.text_emotion]
    rows: dict[str, list[dict[str, Any]]] = {
        "hashtag_lift": lift_rows(items),
        "disagreement": disagreement_rows(items),
        "most_disagreeing": [
            {
                "item_id": f"item-{i:05}",
                "created_at": item.created_at,
                "emotion": item.emotion,
                "confidence": item.confidence,
                "text_emotion": item.text_emotion,
                "audio_emotion": item.audio_emotion,
                "disagreement": 0.95 - i / 100,
                "run_id": "0",
            }
            for i, item in enumerate(both[:12])
        ],
        "confidence_distribution": confidence_rows(items),
        "groups_left_out": [],
        "dead_letters_by_reason": [
            {"stage": stage, "reason": reason, "n_items": n}
            for (stage, reason), n in sorted(dead.items())
        ],
        "warnings": [{"code": code, "n_items": n} for code, n in WARNED] if items else [],
        "run_summary": run_rows(items, sum(dead.values()), span, model),
        "change": change_rows(items, before) if before and items else [],
        "change_by_group": [],
    }
    if before and items:
        rows["change_by_group"] = [
            {
                "report": "by_language",
                "group": group,
                "emotion": "joy",
                "n_items": 120,
                "n_items_before": 80,
                "n_group": 400,
                "n_group_before": 380,
                "contribution": 0.012,
            }
            for group in ("en", None)
        ]
    schemas = {**REPORT_SCHEMAS, **CHANGE_SCHEMAS}
    tables |= {name: pa.Table.from_pylist(table, schemas[name]) for name, table in rows.items()}
    fields = {"before": BEFORE if before else None, "command": "mm-emor report --labels out/labels"}
    return Report(**{"tables": tables, "span": span, **fields, **others})


def made_up_items(
    n: int,
    seed: int,
    emotions: Sequence[str] = EKMAN_AND_NEUTRAL,
    weights: Sequence[float] | None = None,
    first: date = SPAN.first,
    n_days: int = 7,
    hashtags: Sequence[str] = ("examseason", "harbourderby", "lanternfest", "trainlate", "rain"),
    authors: Sequence[str] = tuple(f"author{i:02}" for i in range(30)),
) -> list[Item]:
    """Returns items of any mix; some hashtags go with an emotion of their own."""
    draw = random.Random(seed)  # noqa: S311
    weights = weights or (
        EKMAN_WEIGHTS if len(emotions) == 7 else [1 / (i + 1) for i, _ in enumerate(emotions)]
    )
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    items = []
    for _ in range(n):
        tags = tuple(sorted({draw.choice(hashtags) for _ in range(draw.choice((0, 1, 1, 2)))}))
        [emotion] = draw.choices(emotions, weights)
        if tags and draw.random() < 0.25:
            emotion = emotions[hashtags.index(tags[0]) % len(emotions)]
        [modality] = draw.choices(("text", "text+audio", "audio"), (78, 16, 6))
        both = modality == "text+audio"
        items.append(
            Item(
                emotion=emotion,
                confidence=round(min(1.0, max(0.2, draw.gauss(0.68, 0.18))), 4),
                created_at=start + timedelta(days=n_days * draw.random() ** 0.8)
                if draw.random() < 0.97
                else None,
                lang=draw.choices(("en", "de", "es", "ar", "ja", None), (60, 15, 10, 6, 5, 4))[0],
                hashtags=tags,
                author_id=draw.choice(authors),
                modality=modality,
                text_emotion=emotion if both else None,
                audio_emotion=(emotion if draw.random() < 0.5 else draw.choice(emotions))
                if both
                else None,
            )
        )
    return items
