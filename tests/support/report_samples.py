"""Reports of made-up items, with the exact tables of the schemas."""

from dataclasses import replace
from datetime import date

import pyarrow as pa

from beam_jobs.reports.page.report import Example, Report, Span
from schemas.reports import (
    CHANGE_SCHEMAS,
    REPORT_SCHEMAS,
)
from tests.support.report_sample_tables import (
    BEFORE,
    made_up_items,
    report_of,
    share_table,
)


def ordinary(n: int = 4000) -> Report:
    """A week with a week before it, dead letters, clips and examples."""
    dead = {
        ("read", "broken_json"): 41,
        ("read", "bad_timestamp"): 12,
        ("join", "duplicate_id"): 58,
        ("preprocess", "empty_text"): 9,
        ("preprocess", "undecodable_clip"): 4,
        ("score", "scoring_failed"): 1,
    }
    examples = tuple(
        Example(emotion, 0.97 - i / 50, f"@user this is a text of {emotion}, number {i}")
        for emotion in ("anger", "joy", "sadness")
        for i in range(3)
    )
    before = made_up_items(n, 2, weights=(6, 3, 4, 26, 47, 9, 5), first=BEFORE.first)
    return report_of(
        made_up_items(n, 1),
        dead,
        before,
        examples=examples,
        notes=("The model was trained on English texts; 40 % of these are in other languages.",),
    )


def empty() -> Report:
    """A span without any run's items."""
    return report_of([])


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(2)>',
    "'; --x: url(//evil.example/a) </style><b>",
    "{{ 7*7 }} {% raw %} ${7*7}",
    "\u202eright to left override",
    "שלום_עולם",
    "مرحبا",
    "😂🇩🇪👩‍👩‍👧",
    "x" * 500,
    "nul\x00 and \x1b[31m escape\n\nlines",
    "a\u0301" + "\u0301" * 300,
    "[red]markup[/red] </title></svg>",
)


def hostile() -> Report:
    """Strings that would do harm, in every column that holds strings, and a table more."""
    items = [
        replace(item, lang=HOSTILE[i % len(HOSTILE)], modality=HOSTILE[i % 3])
        for i, item in enumerate(
            made_up_items(900, 3, emotions=HOSTILE, hashtags=HOSTILE, authors=HOSTILE)
        )
    ]
    dead = {(text, text): 10 + i for i, text in enumerate(HOSTILE)}
    before = made_up_items(900, 4, emotions=HOSTILE)
    report = report_of(
        items,
        dead,
        before,
        model=HOSTILE[0],
        command=f"mm-emor report {' '.join(HOSTILE)}",
        notes=HOSTILE,
        examples=tuple(Example(text, 0.9, text) for text in HOSTILE),
    )
    moved = [
        {**row, "report": HOSTILE[1], "group": text, "emotion": text}
        for row, text in zip(report.tables["change_by_group"].to_pylist() * 6, HOSTILE, strict=True)
    ]
    most = [
        {**row, "item_id": text, "run_id": text}
        for row, text in zip(report.tables["most_disagreeing"].to_pylist(), HOSTILE, strict=True)
    ]
    field = pa.field(HOSTILE[1], pa.string())
    tables = {
        **report.tables,
        "change_by_group": pa.Table.from_pylist(moved, CHANGE_SCHEMAS["change_by_group"]),
        "most_disagreeing": pa.Table.from_pylist(most, REPORT_SCHEMAS["most_disagreeing"]),
        f"by_{HOSTILE[1]}": share_table(items, lambda item: [item.author_id], field),
    }
    return replace(report, tables=tables)


def many_emotions() -> Report:
    """Twenty emotions, named by emoji and by words."""
    emoji = ("❤", "😍", "😂", "💕", "🔥", "😊", "😎", "✨", "💙", "😘", "📷", "🇺🇸")
    words = ("☀", "💜", "😉", "💯", "😁", "🎄", "📸", "a rather long name of an emotion")
    emotions = (*emoji, *words)
    before = made_up_items(1500, 6, emotions=emotions, first=BEFORE.first)
    return report_of(made_up_items(3000, 5, emotions=emotions, n_days=1), {}, before)


def many_groups(n: int = 10_000) -> Report:
    """As many hashtags and authors, all with names of 60 characters, over two years."""
    names = tuple(f"{i:05}-{'long' * 13}" for i in range(n))
    span = Span(date(2025, 1, 1), date(2026, 12, 31))
    items = made_up_items(4 * n, 7, hashtags=names, authors=names, first=span.first, n_days=730)
    tables = report_of(items, {}, items[: 2 * n], span=span)
    left_out = pa.Table.from_pylist(
        [
            {
                "report": "by_author",
                "n_groups": n,
                "n_counted": 4 * n,
                "n_left_out": 1204,
                "min_items": 2,
            }
        ],
        REPORT_SCHEMAS["groups_left_out"],
    )
    return replace(tables, tables={**tables.tables, "groups_left_out": left_out})
