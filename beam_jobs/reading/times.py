"""Times as people have them, to UTC: only where it can be told what is meant.

    ISO 8601              2018-10-10T20:19:24Z, 2018-10-10 22:19:24+02:00, 20181010; also
                          2018/10/10 20:19
    with a month's name   Wed Oct 10 20:19:24 +0000 2018, Wed, 10 Oct 2018 20:19:24 GMT,
                          Oct 10, 2018 8:19 PM UTC
    since 1970            1539202764, 1539202764.5, 1539202764000 (ms), 1539202764000000 (µs); told
                          by size: as seconds a post of our time has 9 or 10 digits before the point
    MongoDB               {"$date": …}, of any of these; a number counts milliseconds

A time without a zone is in UTC. `24:00` is the next midnight, `:60` the next minute. What could be
two things is refused: 10/11/2018 is a day in October or in November.
"""

import math
import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

MAX_TIME_CHARACTERS = 100
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

ZONE_HOURS = {
    **dict.fromkeys(("UTC", "UT", "GMT", "Z"), 0.0),
    # RFC 5322, section 4.3. Its CST and CDT are left out: China's and Cuba's clocks print them too.
    "EST": -5.0,
    "EDT": -4.0,
    "MST": -7.0,
    "MDT": -6.0,
    "PST": -8.0,
    "PDT": -7.0,
    # Names to which the IANA database gives one offset since 2006, the year of the first tweet.
    "AKST": -9.0,
    "AKDT": -8.0,
    "HST": -10.0,
    "NST": -3.5,
    "NDT": -2.5,
    "WET": 0.0,
    "WEST": 1.0,
    "CET": 1.0,
    "CEST": 2.0,
    "EET": 2.0,
    "EEST": 3.0,
    "SAST": 2.0,
    "JST": 9.0,
    "HKT": 8.0,
    "AEST": 10.0,
    "AEDT": 11.0,
    "ACST": 9.5,
    "ACDT": 10.5,
    "AWST": 8.0,
    "NZST": 12.0,
    "NZDT": 13.0,
}
"""Hours east of Greenwich. IST (India, Israel, Ireland), BST (Britain, Bangladesh), AST, KST and
MSK mean several zones, or have moved: they are not told apart."""

_MICROSECONDS_BY_DIGITS = {9: 1_000_000, 10: 1_000_000, 13: 1_000, 16: 1}
_NANOSECOND_DIGITS = 19
_NUMBER = re.compile(r"(\d+)(?:\.(\d*))?", re.ASCII)
_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d+))?)?"
_CLOCK += r"(?:\s*(?P<half>[AP]\.?M\.?))?"
_ZONE = r"(?P<zone>[A-Z]{1,5})?\s*(?P<offset>[+-]\d{2}:?(?:\d{2})?)?"
# A name in brackets, or behind the offset that it stands for, as Go prints it.
_ZONE += r"(?:\s*[(\[][^()\[\]]*[)\]]|(?<=\d)\s+[A-Z]{2,5})?"
_NUMERIC = re.compile(
    r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})"
    rf"(?:(?:[T_]|,?\s+)(?:{_CLOCK})?\s*{_ZONE})?",
    re.ASCII | re.IGNORECASE,
)
_V1_TIME = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d{2}) ([01]\d|2[0-3]):(\d{2}):([0-5]\d) \+0000 (\d{4})",
    re.ASCII,
)
_MONTH = r"(?P<month>[A-Z]{3,9})\.?"
_WEEKDAY = r"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+)?"
_AT = r"(?:\s*(?:,|·|\bat\b)\s*|\s+)"
_NAMED = tuple(
    re.compile(pattern, re.ASCII | re.IGNORECASE)
    for pattern in (
        # Wed Oct 10 20:19:24 +0000 2018; as `date` and Java print it, with a zone's name
        rf"{_WEEKDAY}{_MONTH}\s+(?P<day>\d{{1,2}})\s+{_CLOCK}(?:\s+{_ZONE})?\s+(?P<year>\d{{4}})",
        # Wed, 10 Oct 2018 20:19:24 +0000
        rf"{_WEEKDAY}(?P<day>\d{{1,2}})[\s.-]+{_MONTH}[\s,-]+(?P<year>\d{{4}})"
        rf"(?:{_AT}{_CLOCK}\s*{_ZONE})?",
        # Oct 10, 2018 8:19 PM; Wed Oct 10 2018 20:19:24 GMT+0200 (of JavaScript)
        rf"{_WEEKDAY}{_MONTH}\s+(?P<day>\d{{1,2}})(?:,\s*|\s+)(?P<year>\d{{4}})"
        rf"(?:{_AT}{_CLOCK}\s*{_ZONE})?",
    )
)


def read_time(value: Any) -> datetime | None:
    """Returns a time of any kind in UTC; None where nothing stands there.

    Raises:
        ValueError: it cannot be told which time is meant, or it lies outside the years 1 to 9999.

    >>> str(read_time({"$date": {"$numberLong": "1539202764000"}}))
    '2018-10-10 20:19:24+00:00'
    """
    if isinstance(value, dict) and len(value) == 1 and "$date" in value:
        return _read_mongo_date(value["$date"])
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool):
        raise ValueError("a boolean is no time")
    if isinstance(value, datetime):
        return _to_utc(value)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, int | float | Decimal):
        return _read_number(_digits_of(value))
    if isinstance(value, str):
        text = value.strip()
        return parse_time(text) if text else None
    raise ValueError("this type is no time")


def _digits_of(value: int | float | Decimal) -> str:
    if isinstance(value, float):
        value = Decimal(repr(value))  # the shortest that is this number: no digits made up
    if not -(10**20) < value < 10**20:  # infinite, too
        raise ValueError("no time has so many digits")
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _read_mongo_date(value: Any) -> datetime | None:
    if isinstance(value, dict) and len(value) == 1 and "$numberLong" in value:
        value = value["$numberLong"]
    if isinstance(value, str) and not value.lstrip("-").isdecimal():
        return read_time(value)
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        return _since_1970(int(value) * 1000)
    raise ValueError("$date is neither a time nor a number")


def parse_time(text: str) -> datetime:
    """Returns a time that is written as text, in UTC.

    Raises:
        ValueError: it cannot be told which time is meant, or it lies outside the years 1 to 9999.

    >>> str(parse_time("2018-10-10T22:19:24.5+02:00"))
    '2018-10-10 20:19:24.500000+00:00'
    >>> str(parse_time("Wed Oct 10 20:19:24 +0000 2018"))
    '2018-10-10 20:19:24+00:00'
    >>> str(parse_time("1539202764000")), str(parse_time("2020-01-01 10:00:00 EST"))
    ('2018-10-10 20:19:24+00:00', '2020-01-01 15:00:00+00:00')
    """
    quickly = _parse_common(text)
    if quickly is not None:
        return quickly
    text = text.strip()
    if len(text) > MAX_TIME_CHARACTERS:
        raise ValueError("no time is so long")
    if _NUMBER.fullmatch(text):
        return _read_number(text)
    match = _NUMERIC.fullmatch(text)
    for pattern in () if match else _NAMED:
        match = pattern.fullmatch(text)
        if match:
            break
    if match:
        return _from_parts(match.groupdict())
    # What is left of ISO 8601: basic forms, weeks.
    return _to_utc(datetime.fromisoformat(text))


def _parse_common(text: str) -> datetime | None:
    """Returns a time as the two APIs of X write it; None for what needs a closer look."""
    if text[4:5] == "-":
        try:  # no suppress: it takes as long as the rest
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is UTC:
                return moment
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            return None
    match = _V1_TIME.fullmatch(text)
    if match and match[1].lower() in MONTHS:
        with suppress(ValueError):
            month = MONTHS.index(match[1].lower()) + 1
            clock = int(match[3]), int(match[4]), int(match[5])
            return datetime(int(match[6]), month, int(match[2]), *clock, tzinfo=UTC)
    return None


def _read_number(text: str) -> datetime:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"{text} is no number of seconds since 1970")
    whole, fraction = match[1], match[2] or ""
    if len(whole) in (8, 14) and not fraction.strip("0"):
        return _to_utc(datetime.strptime(whole, "%Y%m%d%H%M%S"[: 6 if len(whole) == 8 else None]))
    if len(whole) == 10 and _is_date_with_hour(whole):
        raise ValueError(f"{text} is seconds since 1970, or a date with an hour")
    if len(whole) == _NANOSECOND_DIGITS:
        return _since_1970(int(whole) // 1000)
    unit = _MICROSECONDS_BY_DIGITS.get(len(whole))
    if unit is None or whole.startswith("0"):
        raise ValueError(f"{text} is no number of seconds since 1970")
    part = int(fraction[:6].ljust(6, "0")) * unit // 1_000_000
    return _since_1970(int(whole) * unit + part)


def _is_date_with_hour(digits: str) -> bool:
    """Says whether ten digits are a day of 1900 to 2099 and an hour, as 2018101020 is."""
    try:
        return 1900 <= datetime.strptime(digits, "%Y%m%d%H").year < 2100
    except ValueError:
        return False


def _since_1970(microseconds: int) -> datetime:
    try:
        return EPOCH + timedelta(microseconds=microseconds)
    except OverflowError as error:
        raise ValueError("it lies outside the years 1 to 9999") from error


def _from_parts(parts: dict[str, str | None]) -> datetime:
    month = parts["month"] or ""
    if not month.isdecimal():
        if not (month.isalpha() and month[:3].lower() in MONTHS):
            raise ValueError(f"{month} is no month")
        month = str(MONTHS.index(month[:3].lower()) + 1)
    hour, minute = int(parts["hour"] or 0), int(parts["minute"] or 0)
    second = int(parts["second"] or 0)
    if parts["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(f"there is no {hour} o'clock {parts['half']}")
        hour = hour % 12 + (12 if parts["half"][0] in "pP" else 0)
    is_midnight = (hour, minute, second) == (24, 0, 0)
    is_leap = second == 60
    moment = datetime(
        int(parts["year"] or 0),
        int(month),
        int(parts["day"] or 0),
        0 if is_midnight else hour,
        minute,
        59 if is_leap else second,
        int((parts["fraction"] or "0")[:6].ljust(6, "0")),
        tzinfo=timezone(_offset_of(parts["zone"], parts["offset"])),
    )
    return _to_utc(moment, timedelta(days=is_midnight, seconds=is_leap))


def _offset_of(zone: str | None, offset: str | None) -> timedelta:
    if zone is not None and zone.upper() not in ZONE_HOURS:
        raise ValueError(f"{zone} is no zone that means one offset")
    hours = ZONE_HOURS[zone.upper()] if zone else 0.0
    if offset is None:
        return timedelta(hours=hours)
    if hours:
        raise ValueError(f"{zone}{offset} are two offsets")
    digits = offset[1:].replace(":", "").ljust(4, "0")
    shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -shift if offset[0] == "-" else shift


def _to_utc(moment: datetime, later: timedelta = timedelta()) -> datetime:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC) + later
    except OverflowError as error:
        raise ValueError(f"{moment} lies outside the years 1 to 9999") from error
