"""Instants: what is read, what is refused, and the one form that is written."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.times import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    SECOND_MS,
    TimeProblem,
    format_ms,
    parse_ms,
    written,
)

FIRST_MS = parse_ms("0001-01-01T00:00:00Z")
LAST_MS = parse_ms("9999-12-31T23:59:59.999Z")
instants = st.integers(FIRST_MS, LAST_MS)
offsets = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda m: timezone(timedelta(minutes=m)))


def test_units() -> None:
    assert (SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS) == (1_000, 60_000, 3_600_000, 86_400_000)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
        ("1970-01-01T00:00:00z", "1970-01-01T00:00:00.000Z"),
        ("2026-03-01t08:00:00+08:00", "2026-03-01T00:00:00.000Z"),
        ("2026-03-01 08:00:00+08:00", "2026-03-01T00:00:00.000Z"),
        ("2026-02-28T16:30:00-07:30", "2026-03-01T00:00:00.000Z"),
        ("2026-03-01T00:00:00-00:00", "2026-03-01T00:00:00.000Z"),
        ("2026-03-01T00:00:00.1Z", "2026-03-01T00:00:00.100Z"),
        ("2024-02-29T23:59:59.999Z", "2024-02-29T23:59:59.999Z"),
        ("0500-01-01T00:00:00Z", "0500-01-01T00:00:00.000Z"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
    ],
)
def test_reads_any_offset_and_writes_utc(text: str, written: str) -> None:
    assert format_ms(parse_ms(text)) == written


@pytest.mark.parametrize("fraction", ["1239", "123999999", "123000001"])
def test_finer_fractions_are_cut_not_rounded(fraction: str) -> None:
    assert parse_ms(f"1970-01-01T00:00:00.{fraction}Z") == 123


def test_fractions_before_1970_are_cut_downwards() -> None:
    assert parse_ms("1969-12-31T23:59:59.9999Z") == -1


@pytest.mark.parametrize(
    "text",
    ["2026-03-01T08:00:00", "2026-03-01T08:00:00.123456", "2026-03-01 08:00:00.1"],
)
def test_a_time_without_offset_is_refused(text: str) -> None:
    with pytest.raises(TimeProblem, match="has no offset"):
        parse_ms(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "z",
        "now",
        "2026-03-01",
        "2026-03-01Z",
        "2026-03-01T08:00Z",
        "2026-03-01T08:00:00,5Z",
        "2026-03-01T08:00:00+0800",
        "2026-03-01T08:00:00+08",
        "2026-03-01T08:00:00+08:00:30",
        "20260301T080000+0800",
        "2026-W09-7T08:00:00Z",
        "2026-03-01x08:00:00Z",
        "2026-02-29T08:00:00Z",
        "2026-03-01T24:00:01Z",
        "2026-03-01T08:60:00Z",
        "2026-03-01T08:00:00+24:00",
        "2026-03-01T08:00:00 Beijing",
    ],
)
def test_what_is_no_date_time_is_refused(text: str) -> None:
    with pytest.raises(TimeProblem, match="not an RFC 3339 date-time"):
        parse_ms(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00"])
def test_an_offset_cannot_leave_the_calendar(text: str) -> None:
    with pytest.raises(TimeProblem, match="outside the years"):
        parse_ms(text)


def test_parts_that_were_read_before_cannot_leave_it_either() -> None:
    for known in ("2020-02-10T00:00:00+14:00", "2020-02-10T00:00:59-01:00"):
        parse_ms(known)
    for known in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:00Z"):
        parse_ms(known)
    for text in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00"):
        with pytest.raises(TimeProblem, match="outside the years"):
            parse_ms(text)


def test_any_number_of_minutes_and_offsets_can_be_read() -> None:
    for minute in range(20_000):
        assert parse_ms(format_ms(minute * MINUTE_MS)) == minute * MINUTE_MS
    for ahead in range(-1439, 1440):
        sign, (hours, minutes) = "-+"[ahead >= 0], divmod(abs(ahead), 60)
        for fraction in ("", ".1", ".12", ".123"):
            text = f"2020-02-10T12:00:30{fraction}{sign}{hours:02d}:{minutes:02d}"
            moment = datetime.fromisoformat(text)
            assert parse_ms(text) == round(moment.timestamp() * 1000)


@pytest.mark.parametrize("text", ["2020-02-10T10:00:5Z", "2020-02-10T10:00:60Z", "2020-02-10T1"])
def test_known_parts_do_not_make_a_text_whole(text: str) -> None:
    for known in ("2020-02-10T10:00:00Z", "2020-02-10T10:00:05Z"):
        parse_ms(known)
    with pytest.raises(TimeProblem, match="not an RFC 3339 date-time"):
        parse_ms(text)


@pytest.mark.parametrize("text", ["x" * 5000, "2026-03-01T08:00:00" + "0" * 5000])
def test_a_problem_repeats_only_the_beginning(text: str) -> None:
    with pytest.raises(TimeProblem) as caught:
        parse_ms(text)
    assert len(str(caught.value)) < 100


@given(instants)
def test_what_is_written_reads_back(instant_ms: int) -> None:
    assert parse_ms(format_ms(instant_ms)) == instant_ms


@given(instants, instants)
def test_texts_sort_as_instants(one: int, other: int) -> None:
    assert (format_ms(one) < format_ms(other)) == (one < other)
    assert len(format_ms(one)) == len(format_ms(other)) == 24


@given(
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)),  # noqa: DTZ001
    offsets,
)
def test_reads_what_other_systems_write(naive: datetime, offset: timezone) -> None:
    moment = naive.replace(tzinfo=offset)
    elapsed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    assert parse_ms(moment.isoformat()) == elapsed // timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T08:00:00.123Z",
        "2026-03-01t08:00:00.123Z",
        "2026-03-01 08:00:00.123Z",
        "2026-03-01T16:00:00.123+08:00",
        "2026-03-01T08:00:00.1239Z",
        "2026-03-01T08:00:00.123z",
    ],
)
def test_one_form_is_written_whatever_was_read(text: str) -> None:
    for _ in range(2):  # The second time its parts are known.
        assert written(text) == "2026-03-01T08:00:00.123Z"
