"""The report page: what it says, and that nothing in it can do harm."""

import base64
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from html.parser import HTMLParser

import pyarrow as pa
import pytest

from beam_jobs.reports.page.render import render_page
from beam_jobs.reports.page.report import Example, Report
from schemas.reports import REPORT_SCHEMAS
from tests.beam_jobs.reports.page import samples
from tests.beam_jobs.reports.page.sample_tables import Item, made_up_items, report_of
from tests.beam_jobs.reports.page.samples import HOSTILE

LIMIT_BYTES = 2_000_000
# Elements that HTML lets stand without an end.
VOID = {"meta", "link"}


class Page(HTMLParser):
    """A page, taken apart: its elements with their attributes, its words, its tables."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._caption = ""
        self._cells: list[list[str]] = []
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self._caption, self._cells = "", []
        elif tag == "tr":
            self._cells.append([])
        elif tag in {"td", "th"}:
            self._cells[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        if tag == "table":
            self.tables[self._caption.strip()] = self._cells

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            return
        text = data.replace("\u00a0", " ")
        self.words.append(text)
        if "caption" in self.open:
            self._caption += text
        elif self.open and {"td", "th"} & set(self.open):
            separator = " " if self.open[-1] == "small" else ""
            self._cells[-1][-1] += separator + text

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def table(self, start: str) -> list[list[str]]:
        [found] = [cells for caption, cells in self.tables.items() if caption.startswith(start)]
        return found


def page_of(report: Report) -> Page:
    return Page(render_page(report))


def without_times(items: list[Item]) -> list[Item]:
    return [replace(item, created_at=None) for item in items]


def test_the_first_screen_and_its_tables() -> None:
    items = [Item("joy", 0.75)] * 30 + [Item("anger", 0.5)] * 10
    before = [Item("joy", 0.75)] * 10 + [Item("anger", 0.5)] * 30
    dead = {("read", "broken_json"): 3, ("join", "duplicate_id"): 7}
    page = page_of(report_of(items, dead, before, notes=("Mind the <gap>.",)))
    for sentence in (
        "Emotions of 50 items",
        "8 to 14 November 2026, compared with 1 to 7 November 2026",
        "Items 50 Labelled 40 Refused 10 20.0 % of all (+1.9) Mean confidence 0.69 −0.01 since",
        "Joy is the largest share: 75 % of 40 labelled items",
        "Anger fell from 75.0 % to 25.0 % (−50.0 points).",
        "Joy rose from 25.0 % to 75.0 % (+50.0 points).",
        "What failed: 10 items were refused",
        "7 duplicate_id the id stands earlier, in a smaller file name or line",
        "3 broken_json the line is not a JSON object",
        "Mind the <gap>.",
        "2 of 2 shares moved further than chance",
        "No labelled item has a time of posting.",
        "By language: all 40 items are unknown",
        "By hashtag: no labelled item has one",
        "No item has both text and audio.",
        "The mean confidence is 0.69; 0 % of the items are below 0.5",
        "duplicate_id is the most frequent reason: 7 of 10 refused items",
        "Command mm-emor report --labels out/labels",
    ):
        assert sentence in page.text, sentence
    assert page.table("Each emotion's share") == [
        ["emotion", "items", "share", "95 % interval", "share before", "mean confidence"],
        ["joy", "30", "75.0 %", "59.8–85.8", "25.0 %", "0.75"],
        ["anger", "10", "25.0 %", "14.2–40.2", "75.0 %", "0.50"],
    ]
    assert page.table("Each measure")[1:] == [
        ["share of anger", "75.0 %", "25.0 %", "−50.0", "−69.0 to −31.0", "0.004", "yes"],
        ["share of joy", "25.0 %", "75.0 %", "+50.0", "+31.0 to +69.0", "0.004", "yes"],
        ["mean confidence", "0.67", "0.66", "−0.01", "−0.03 to +0.01", "1.000", "no"],
        ["share of refused items", "1.2 %", "3.1 %", "+1.9", "+1.5 to +2.3", "0.004", "yes"],
        ["Jensen-Shannon distance", "0.00", "0.06", "+0.06", "–", "1.000", "no"],
    ]
    assert page.table("Refused items")[1] == [
        *("duplicate_id", "the id stands earlier, in a smaller file name or line", "join"),
        *("7", "14.0 %"),
    ]
    assert page.table("Items by emotion and confidence")[1:] == [
        ["joy", "30", "0", "0", "30", "0"],
        ["anger", "10", "0", "10", "0", "0"],
    ]


def test_empty_tables_give_plain_sentences() -> None:
    page = page_of(samples.empty())
    for sentence in (
        "Emotions of 0 items",
        "Compared with no other dates.",
        "What failed: nothing",
        "Over time There are no labelled items.",
        "Groups of items There are no labelled items.",
        "Text against audio There are no labelled items.",
        "How sure the model is There are no labelled items.",
        "Refused items No item was refused.",
    ):
        assert sentence in page.text, sentence
    assert "svg" not in {tag for tag, _ in page.elements}


def test_a_span_before_without_alerts() -> None:
    items = made_up_items(300, 1)
    report = report_of(items, before=items)
    calm = pa.Table.from_pylist(
        [{**row, "alert": False} for row in report.tables["change"].to_pylist()],
        report.tables["change"].schema,
    )
    page = page_of(replace(report, tables={**report.tables, "change": calm}))
    assert "Nothing moved further than chance against 1 to 7 November 2026." in page.text
    assert "No share moved further than chance" in page.text


def test_the_same_report_gives_the_same_page() -> None:
    assert render_page(samples.ordinary(500)) == render_page(samples.ordinary(500))


def test_one_day_is_told_by_the_hour_and_a_week_by_the_day() -> None:
    day = page_of(report_of(made_up_items(300, 1, n_days=1)))
    assert "Labelled items per hour." in day.text
    assert day.table("Share of each emotion by hour")[0][0] == "hour"
    week = page_of(report_of(made_up_items(300, 1, n_days=7)))
    assert "Labelled items per day." in week.text
    assert [row[0] for row in week.table("Share of each emotion by day")[1:]] == [
        "Sun 8 Nov 2026",
        *(f"{name} {8 + i} Nov 2026" for i, name in enumerate(("Mon", "Tue", "Wed"), 1)),
        *(f"{name} {8 + i} Nov 2026" for i, name in enumerate(("Thu", "Fri", "Sat"), 4)),
    ]
    assert "by day of the week" not in week.text
    month = page_of(report_of(made_up_items(900, 1, n_days=30)))
    weekdays = month.table("Share of each emotion by day of the week")
    assert [row[0] for row in weekdays[1:]] == [
        *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    ]


def test_times_far_away_are_told_not_drawn() -> None:
    items = made_up_items(300, 1)
    far = [replace(items[0], created_at=datetime(1970, 1, 1, tzinfo=UTC))] * 2
    ahead = [replace(items[0], created_at=datetime(2099, 1, 1, tzinfo=UTC))]
    page = page_of(report_of([*items, *far, *ahead]))
    assert "3 items were posted outside of the days shown; all in by_day.parquet." in page.text
    assert "1970" not in " ".join(row[0] for row in page.table("Share of each emotion by day"))


def test_items_without_times_are_counted() -> None:
    items = made_up_items(300, 1)
    n_unknown = sum(item.created_at is None for item in items)
    assert n_unknown > 0
    page = page_of(report_of(items))
    assert f"Times are UTC. {n_unknown} items have no time of posting." in page.text
    page = page_of(report_of(without_times(items)))
    assert "Over time No labelled item has a time of posting." in page.text


def test_one_time_only() -> None:
    moment = datetime(2026, 11, 9, 7, 30, tzinfo=UTC)
    page = page_of(report_of([Item("joy", 0.9, created_at=moment)] * 5))
    assert "All 5 items with a time are of 9 Nov 2026, 07:00" in page.text


def test_small_groups_are_not_drawn_unless_all_are_small() -> None:
    items = [Item("joy", 0.9, lang="en")] * 40 + [Item("anger", 0.9, lang="de")] * 40
    small = [Item("joy", 0.9, lang=f"x{i}") for i in range(5)]
    page = page_of(report_of([*items, *small]))
    assert "The 2 largest of 7 languages with at least 10 items." in page.text
    assert len(page.table("Share of each emotion by language")) == 1 + 7
    assert "de differs most, with 100 % anger against 47 % of all" in page.text
    page = page_of(report_of(small))
    assert "All 5 languages." in page.text


def test_hashtags_that_go_with_an_emotion() -> None:
    items = [
        *[Item("joy", 0.9, hashtags=("party",))] * 30,
        *[Item("anger", 0.9, hashtags=("late",))] * 10,
        *[Item("anger", 0.9)] * 60,
    ]
    page = page_of(report_of(items))
    assert "#party goes most with joy: 3.3 times as often as all items" in page.text
    assert page.table("Hashtags that go")[1] == [
        *("#party", "joy", "30", "30", "100.0 %", "30.0 %", "3.33", "< 0.001")
    ]
    none = pa.Table.from_pylist([], REPORT_SCHEMAS["hashtag_lift"])
    report = report_of(items)
    page = page_of(replace(report, tables={**report.tables, "hashtag_lift": none}))
    assert "No hashtag has enough items" in page.text


def test_examples_are_text() -> None:
    text = "<script>alert('x')</script> & \u202eevil"
    page = page_of(report_of([Item("joy", 0.9)], examples=(Example("joy", 0.87, text),)))
    assert "<script>alert('x')</script> & evil confidence 0.87" in page.text
    assert "script" not in {tag for tag, _ in page.elements}
    assert "#examples" not in render_page(report_of([Item("joy", 0.9)])).split("</style>")[1]


def test_hostile_strings_stay_text() -> None:
    source = render_page(samples.hostile())
    page = Page(source)
    assert {tag for tag, _ in page.elements} <= {
        *("html", "head", "meta", "link", "title", "style", "body", "header", "main", "footer"),
        *("nav", "section", "h1", "h2", "h3", "p", "ul", "li", "a", "b", "bdi", "q", "code"),
        *("dl", "dt", "dd", "div", "span", "small", "figure", "figcaption", "details", "summary"),
        *("table", "caption", "thead", "tbody", "tr", "th", "td"),
        *("svg", "g", "path", "line", "rect", "text"),
    }
    for _, attributes in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name != "style"
            if name in {"href", "src", "xlink:href"}:
                assert value == "data:," or re.fullmatch(r"#[a-z]+", value or ""), value
            if name in {"fill", "stroke"}:
                safe = r"none|currentColor|transparent|#[0-9a-f]{3,8}|var\(--[a-z]+(-\d+)?\)"
                assert re.fullmatch(safe, value or ""), value
    for text in HOSTILE[:4]:
        assert text[:16] in page.text
    assert "49" not in page.table("Hashtags that go")[1][0]
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", source)


def test_only_its_own_style_may_run() -> None:
    source = render_page(samples.hostile())
    [style] = re.findall(r"<style>(.*?)</style>", source, re.DOTALL)
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    assert (
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        f"style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'\">"
    ) in source
    assert not any(text in style for text in HOSTILE)
    assert "http" not in style


def test_a_table_whose_groups_are_all_left_out_says_so() -> None:
    report = report_of([Item("joy", 0.75)] * 30)
    left_out = pa.Table.from_pylist(
        [
            {
                "report": "by_author",
                "n_groups": 0,
                "n_counted": 0,
                "n_left_out": 30,
                "min_items": 21,
            }
        ],
        REPORT_SCHEMAS["groups_left_out"],
    )
    by_author = REPORT_SCHEMAS["by_author"].empty_table()
    tables = {**report.tables, "by_author": by_author, "groups_left_out": left_out}
    page = page_of(replace(report, tables=tables))
    assert "By author: no author has enough items" in page.text
    assert "Authors with fewer than 21 items are in no table (30 of 30 counts)." in page.text


def test_many_groups_are_cut_and_counted() -> None:
    report = samples.many_groups()
    n_hashtags = len(report.tables["by_hashtag"]["hashtag"].unique())
    source = render_page(report)
    page = Page(source)
    assert len(source.encode()) < LIMIT_BYTES / 2
    assert f"20 of {n_hashtags:,} hashtags; all in by_hashtag.parquet." in page.text
    assert len(page.table("Share of each emotion by hashtag")) == 1 + 20
    assert "Authors with fewer than 2 items are in no table (1,204 of 41,204 counts)." in page.text
    assert "40 of 730 runs, the last; all in run_summary.parquet." in page.text
    assert "No run for" not in page.text


@pytest.mark.parametrize("letters", ["<&\"'>", "\U0001f1e9\U000e0100\U000e0100"])
def test_the_page_stays_small_whatever_there_is(letters: str) -> None:
    """Every list as long as it can be, every text too long, forty tables of groups."""
    emotions = tuple(f"{i:03}" + letters * 40 for i in range(60))
    names = tuple(f"{i:04}" + letters * 60 for i in range(400))
    items = made_up_items(4000, 1, emotions=emotions, hashtags=names, authors=names, n_days=95)
    text = letters * 2000
    report = report_of(
        items,
        {("read", f"{i}{text[:500]}"): i for i in range(200)},
        items[:2000],
        notes=(text,) * 200,
        examples=tuple(Example(emotion, 0.5, text) for emotion in emotions for _ in range(30)),
        command=text * 10,
    )
    extra = {f"by_{i:02}{text[:100]}": report.tables["by_author"] for i in range(40)}
    source = render_page(replace(report, tables={**report.tables, **extra}))
    assert len(source.encode()) < LIMIT_BYTES
    assert "8 of 44 tables of groups" in Page(source).text


@pytest.mark.parametrize("n_days", [1, 2, 3, 20])
def test_any_length_of_time(n_days: int) -> None:
    items = made_up_items(40, n_days, n_days=n_days)
    assert "Over time" in page_of(report_of(items)).text


def test_a_gap_of_days_is_drawn_as_a_gap() -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    items = [
        Item("joy", 0.9, created_at=start + timedelta(days=day))
        for day in (0, 1, 2, 9, 10)
        for _ in range(20)
    ]
    page = page_of(report_of(items))
    assert len(page.table("Share of each emotion by day")) == 1 + 5


def test_a_small_chart_is_drawn_once_and_a_wide_one_for_a_phone_too() -> None:
    source = render_page(report_of(made_up_items(40, 3, n_days=3)))
    assert source.count('aria-label="Line chart of the share of joy per') == 1
    assert source.count('aria-label="Bar chart of labelled items per') == 2


def test_groups_by_several_columns_and_other_types() -> None:
    items = made_up_items(300, 1)
    both = report_of(items).tables["by_modality"]
    table = both.add_column(0, pa.field("truncated", pa.bool_()), pa.array([True] * len(both)))
    report = report_of(items)
    page = page_of(replace(report, tables={**report.tables, "by_truncated_modality": table}))
    rows = page.table("Share of each emotion by truncated and modality")
    assert {row[0] for row in rows[1:]} == {"yes · text", "yes · audio", "yes · text+audio"}
