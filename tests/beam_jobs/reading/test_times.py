"""Times as people have them, and what is refused because it could be two things."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_jobs.reading.times import parse_time, read_time

MOMENT = datetime(2018, 10, 10, 20, 19, 24, tzinfo=UTC)
SECONDS = 1539202764


@pytest.mark.parametrize(
    "value",
    [
        SECONDS,
        str(SECONDS),
        f" {SECONDS} ",
        float(SECONDS),
        f"{SECONDS}.0",
        Decimal(SECONDS),
        SECONDS * 1_000,
        f"{SECONDS}000",
        SECONDS * 1_000_000,
        f"{SECONDS}000000",
        f"{SECONDS}000000000",
        "2018-10-10T20:19:24Z",
        "2018-10-10T20:19:24.000Z ",
        "2018-10-10t20:19:24z",
        "2018-10-10T20:19:24.000000000Z",
        "2018-10-10T22:19:24+02:00",
        "2018-10-10 22:19:24 +0200",
        "2018-10-10 22:19:24 +0200 CEST",
        "2018-10-10 20:19:24 +0000 UTC",
        "2018-10-10 20:19:24 UTC",
        "2018-10-10 20:19:24 gmt",
        "2018-10-10T20:19:24Z[UTC]",
        "2018-10-10 15:19:24 EST",
        "2018-10-10 13:19:24 PDT",
        "2018-10-10 22:19:24 CEST",
        "2018-10-11 05:19:24 JST",
        "2018-10-10 08:19:24 PM",
        "2018/10/10 20:19:24",
        "2018.10.10 20:19:24",
        "20181010T201924Z",
        "20181010201924",
        "Wed Oct 10 20:19:24 +0000 2018",
        "Wed Oct 10 13:19:24 PDT 2018",
        "Wed Oct 10 20:19:24 2018",
        "Wed, 10 Oct 2018 20:19:24 +0000",
        "Wed, 10 Oct 2018 20:19:24 GMT",
        "10 Oct 2018 16:19:24 EDT",
        "Wed Oct 10 2018 22:19:24 GMT+0200 (Central European Summer Time)",
        "October 10, 2018 at 8:19:24 PM UTC",
        {"$date": "2018-10-10T20:19:24Z"},
        {"$date": SECONDS * 1_000},
        {"$date": {"$numberLong": f"{SECONDS}000"}},
        MOMENT,
        MOMENT.astimezone(timezone(timedelta(hours=5))),
        MOMENT.replace(tzinfo=None),
    ],
)
def test_one_moment_in_many_ways(value: Any) -> None:
    found = read_time(value)
    assert found == MOMENT
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2018-10-10T24:00:00Z", datetime(2018, 10, 11, tzinfo=UTC)),
        ("2018-12-31 24:00", datetime(2019, 1, 1, tzinfo=UTC)),
        ("2016-12-31T23:59:60Z", datetime(2017, 1, 1, tzinfo=UTC)),
        ("Sat Dec 31 23:59:60 +0000 2016", datetime(2017, 1, 1, tzinfo=UTC)),
        ("Mon Apr 06 22:19:45 PDT 2009", datetime(2009, 4, 7, 5, 19, 45, tzinfo=UTC)),
        ("2018-10-10", datetime(2018, 10, 10, tzinfo=UTC)),
        ("20181010", datetime(2018, 10, 10, tzinfo=UTC)),
        ("Oct 10, 2018 · 8:19 PM UTC", datetime(2018, 10, 10, 20, 19, tzinfo=UTC)),
        ("10 October 2018", datetime(2018, 10, 10, tzinfo=UTC)),
        ("12:05 AM", None),
        ("Oct 10, 2018 12:05 AM", datetime(2018, 10, 10, 0, 5, tzinfo=UTC)),
        ("1539202764.25", MOMENT + timedelta(seconds=0.25)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
    ],
)
def test_other_moments(text: str, moment: datetime | None) -> None:
    if moment is None:
        with pytest.raises(ValueError):  # noqa: PT011 - messages differ
            read_time(text)
    else:
        assert read_time(text) == moment


@pytest.mark.parametrize("value", [None, "", "  ", float("nan")])
def test_nothing(value: Any) -> None:
    assert read_time(value) is None


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "nan",
        "null",
        "soon",
        "10/11/2018",
        "10.11.2018",
        "2018-10-10 20:19:24 CST",
        "2018-10-10 20:19:24 IST",
        "2018-10-10 20:19:24 EST+0100",
        "2018-13-10",
        "2018-02-30T00:00:00Z",
        "2018-10-10T25:00:00Z",
        "2018-10-10T24:00:01Z",
        "2018-10-10T20:61:00Z",
        "2018-10-10 13:00 PM",
        "Wed Okt 10 12:00:00 +0000 2018",
        "Wed Oct 32 12:00:00 +0000 2018",
        "9999-12-31T24:00:00Z",
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+10:00",
        "10000-01-01T00:00:00Z",
        "2018101020",
        "201810102019",
        "20120101123",
        "1.5e9",
        "-1539202764",
        "0",
        0,
        7,
        -SECONDS,
        1e30,
        float("inf"),
        Decimal("NaN"),
        True,
        [],
        {},
        {"$date": None},
        {"$date": 10**30},
        "1" * 5_000,
        "2018-10-10T20:19:24Z" + " " * 200 + "x",
    ],
)
def test_what_cannot_be_told(value: Any) -> None:
    with pytest.raises((ValueError, ArithmeticError)):
        read_time(value)


@given(
    st.datetimes(datetime(2002, 1, 1), datetime(2030, 1, 1)),
    st.sampled_from([-720, -210, 0, 60, 330, 840]),
)
def test_every_form_gives_the_same_moment(naive: datetime, minutes: int) -> None:
    moment = naive.replace(microsecond=0, tzinfo=UTC)
    there = moment.astimezone(timezone(timedelta(minutes=minutes)))
    for text in (
        there.isoformat(),
        there.isoformat(" "),
        there.strftime("%a %b %d %H:%M:%S %z %Y"),
        there.strftime("%a, %d %b %Y %H:%M:%S %z"),
        there.strftime("%Y/%m/%d %H:%M:%S %z"),
        there.strftime("%b %d, %Y %I:%M:%S %p %z"),
        str(int(moment.timestamp())),
        str(int(moment.timestamp() * 1_000)),
    ):
        assert read_time(text) == moment, text


@given(st.text(st.sampled_from("0123456789-:/.TZ +APMOctWed,") | st.characters(), max_size=30))
def test_any_text(text: str) -> None:
    try:
        found = parse_time(text)
    except (ValueError, OverflowError):
        return
    assert found.tzinfo is UTC
