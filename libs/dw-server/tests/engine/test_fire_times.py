"""When schedules fire: rules of cron and of intervals, and the days on which the clock jumps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import given
from hypothesis import strategies as st

from durable_workflow.server.engine.cron_times import wall_times
from durable_workflow.server.engine.fire_times import FireTimes

SECOND = 1_000_000
HOUR = 3600 * SECOND
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(text: str) -> int:
    return (datetime.fromisoformat(text).astimezone(UTC) - EPOCH) // timedelta(microseconds=1)


def shown(moment: int) -> str:
    return (EPOCH + timedelta(microseconds=moment)).strftime("%Y-%m-%dT%H:%MZ")


def cron(*expressions: str, zone: str = "UTC") -> FireTimes:
    return FireTimes.of({"cron_expressions": [*expressions]}, ZoneInfo(zone))


def interval(every: str, offset: str | None = None, zone: str = "UTC") -> FireTimes:
    rule = {"every": every} | ({} if offset is None else {"offset": offset})
    return FireTimes.of({"intervals": [rule]}, ZoneInfo(zone))


def span(times: FireTimes, start: str, end: str) -> list[str]:
    return [shown(each) for each in times.between(at(start), at(end))]


@pytest.mark.parametrize(
    ("times", "moment", "expected"),
    [
        (cron("30 2 * * *"), "2026-05-03T02:29:59+00:00", "2026-05-03T02:30Z"),
        (cron("30 2 * * *"), "2026-05-03T02:30:00+00:00", "2026-05-04T02:30Z"),
        (cron("30 2 * * *"), "2026-05-03T02:29:59.5+00:00", "2026-05-03T02:30Z"),
        (cron("*/20 9-17 * * mon-fri"), "2026-05-08T17:45:00+00:00", "2026-05-11T09:00Z"),
        (cron("0 0 29 2 *"), "2026-05-08T00:00:00+00:00", "2028-02-29T00:00Z"),
        # Both day fields are restricted: either may match.
        (cron("0 0 13 * FRI"), "2026-05-08T00:00:00+00:00", "2026-05-13T00:00Z"),
        (cron("0 12 * * 7"), "2026-05-08T00:00:00+00:00", "2026-05-10T12:00Z"),
        (cron("@daily"), "2026-05-08T00:00:00+00:00", "2026-05-09T00:00Z"),
        (cron("0 9 * * *", zone="Asia/Kolkata"), "2026-05-08T00:00:00+00:00", "2026-05-08T03:30Z"),
        (interval("PT30M"), "2026-05-08T10:30:00+00:00", "2026-05-08T11:00Z"),
        (interval("PT6H", "PT15M"), "2026-05-08T10:30:00+00:00", "2026-05-08T12:15Z"),
        (interval("P1D", "P40DT1H"), "2026-05-08T10:30:00+00:00", "2026-05-09T01:00Z"),
        # Weeks are counted from 1970-01-01, a Thursday; years have 365 days and months 30.
        (interval("P1W"), "2026-05-08T10:30:00+00:00", "2026-05-14T00:00Z"),
        (interval("P1Y"), "1970-01-01T00:00:00+00:00", "1971-01-01T00:00Z"),
        (interval("P1Y"), "1972-06-01T00:00:00+00:00", "1972-12-31T00:00Z"),
        (interval("P1M"), "1970-01-01T00:00:00+00:00", "1970-01-31T00:00Z"),
        (interval("PT1H", "an hour"), "2026-05-08T10:30:00+00:00", "2026-05-08T11:00Z"),
        (interval("PT1H"), "1969-12-31T10:30:00+00:00", "1969-12-31T11:00Z"),
    ],
)
def test_the_next_fire_is_the_first_after_the_moment(
    times: FireTimes, moment: str, expected: str
) -> None:
    found = times.after(at(moment))
    assert found is not None
    assert shown(found) == expected


@pytest.mark.parametrize("every", ["PT0S", "an hour", "PT", "P", "", "P9999999999Y"])
def test_an_interval_without_a_period_adds_nothing(every: str) -> None:
    assert interval(every).after(at("2026-05-08T00:00:00+00:00")) is None


def test_rules_are_merged_and_equal_times_fire_once() -> None:
    spec = {
        "cron_expressions": ["0 * * * *", "0,30 10 * * *"],
        "intervals": [{"every": "PT2H"}, {"every": "PT45M", "offset": None}],
    }
    times = FireTimes.of(spec, UTC)

    assert span(times, "2026-05-08T10:00:00+00:00", "2026-05-08T12:00:00+00:00") == [
        "2026-05-08T10:00Z",
        "2026-05-08T10:30Z",
        "2026-05-08T11:00Z",
        "2026-05-08T11:15Z",
    ]


# The clock jumps at 01:00Z in Berlin, 07:00Z or 06:00Z in New York, and 15:30Z or 15:00Z on Lord
# Howe Island, by half an hour there. Each row: the zone, a span around the jump, what fires.
FIXED, EACH_HOUR, EACH_HALF, BY_HOURS = "30 2 * * *", "30 * * * *", "*/30 2 * * *", "0 0-4 * * *"
Row = tuple[str, str, str, str, list[str]]
MISSING: list[Row] = [
    ("Europe/Berlin", "2026-03-29T00:00", "2026-03-29T04:00", FIXED, ["01:00"]),
    (
        "Europe/Berlin",
        "2026-03-29T00:00",
        "2026-03-29T03:00",
        EACH_HOUR,
        ["00:30", "01:30", "02:30"],
    ),
    ("Europe/Berlin", "2026-03-29T00:00", "2026-03-29T04:00", EACH_HALF, []),
    (
        "Europe/Berlin",
        "2026-03-28T23:00",
        "2026-03-29T03:00",
        BY_HOURS,
        ["23:00", "00:00", "01:00", "02:00"],
    ),
    ("America/New_York", "2026-03-08T06:00", "2026-03-08T09:00", FIXED, ["07:00"]),
    (
        "America/New_York",
        "2026-03-08T06:00",
        "2026-03-08T09:00",
        EACH_HOUR,
        ["06:30", "07:30", "08:30"],
    ),
    ("America/New_York", "2026-03-08T06:00", "2026-03-08T09:00", EACH_HALF, []),
    ("Australia/Lord_Howe", "2026-10-03T15:00", "2026-10-03T17:00", "15 2 * * *", ["15:30"]),
    ("Australia/Lord_Howe", "2026-10-03T15:00", "2026-10-03T17:00", FIXED, ["15:30"]),
    ("Australia/Lord_Howe", "2026-10-03T15:00", "2026-10-03T17:00", "15 * * * *", ["16:15"]),
]
TWICE: list[Row] = [
    ("Europe/Berlin", "2026-10-24T23:00", "2026-10-25T03:00", FIXED, ["00:30"]),
    (
        "Europe/Berlin",
        "2026-10-25T00:00",
        "2026-10-25T03:00",
        EACH_HOUR,
        ["00:30", "01:30", "02:30"],
    ),
    (
        "Europe/Berlin",
        "2026-10-24T23:00",
        "2026-10-25T03:00",
        EACH_HALF,
        ["00:00", "00:30", "01:00", "01:30"],
    ),
    (
        "Europe/Berlin",
        "2026-10-24T22:00",
        "2026-10-25T03:00",
        BY_HOURS,
        ["22:00", "23:00", "00:00", "02:00"],
    ),
    ("America/New_York", "2026-11-01T04:00", "2026-11-01T08:00", "30 1 * * *", ["05:30"]),
    (
        "America/New_York",
        "2026-11-01T05:00",
        "2026-11-01T08:00",
        EACH_HOUR,
        ["05:30", "06:30", "07:30"],
    ),
    (
        "America/New_York",
        "2026-11-01T04:00",
        "2026-11-01T08:00",
        "*/30 1 * * *",
        ["05:00", "05:30", "06:00", "06:30"],
    ),
    ("Australia/Lord_Howe", "2026-04-04T13:00", "2026-04-04T17:00", "45 1 * * *", ["14:45"]),
    (
        "Australia/Lord_Howe",
        "2026-04-04T14:00",
        "2026-04-04T16:30",
        "45 * * * *",
        ["14:45", "15:15", "16:15"],
    ),
]


@pytest.mark.parametrize(("zone", "start", "end", "expression", "expected"), MISSING)
def test_around_a_missing_hour_fixed_times_come_right_after_it(
    zone: str, start: str, end: str, expression: str, expected: list[str]
) -> None:
    found = span(cron(expression, zone=zone), f"{start}+00:00", f"{end}+00:00")
    assert [each[11:16] for each in found] == expected


@pytest.mark.parametrize(("zone", "start", "end", "expression", "expected"), TWICE)
def test_in_an_hour_that_comes_twice_fixed_times_fire_once(
    zone: str, start: str, end: str, expression: str, expected: list[str]
) -> None:
    times = cron(expression, zone=zone)
    found = span(times, f"{start}+00:00", f"{end}+00:00")
    assert [each[11:16] for each in found] == expected
    # Asked again after each fire, as a schedule does, it says the same.
    moment, one_by_one = at(f"{start}+00:00") - 1, list[str]()
    while (moment := times.after(moment) or 0) < at(f"{end}+00:00"):
        one_by_one.append(shown(moment))
    assert one_by_one == found


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        (zone, day)
        for zone, days in {
            "Europe/Berlin": ["2026-03-28", "2026-10-24"],
            "America/New_York": ["2026-03-08", "2026-11-01"],
            "Australia/Lord_Howe": ["2026-10-03", "2026-04-04"],
        }.items()
        for day in days
    ],
)
def test_intervals_know_no_calendar(zone: str, day: str) -> None:
    times = interval("PT90M", "PT15M", zone=zone)
    found = list(
        times.between(at(f"{day}T00:00:00+00:00"), at(f"{day}T00:00:00+00:00") + 48 * HOUR)
    )
    assert len(found) == 32
    assert {later - earlier for earlier, later in pairwise(found)} == {90 * 60 * SECOND}


ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana"]
)
MOMENTS = st.integers(at("1975-01-01T00:00:00+00:00"), at("2060-01-01T00:00:00+00:00"))


def field(least: int, most: int) -> st.SearchStrategy[str]:
    number = st.integers(least, most).map(str)
    pair = st.tuples(st.integers(least, most), st.integers(least, most)).map(sorted)
    return st.one_of(
        st.just("*"),
        number,
        st.integers(2, 12).map(lambda step: f"*/{step}"),
        pair.map(lambda ends: f"{ends[0]}-{ends[1]}"),
        st.lists(number, min_size=2, max_size=3).map(",".join),
    )


EXPRESSIONS = st.tuples(field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6)).map(
    " ".join
)
PERIODS = st.integers(1, 400 * 24 * 3600)
SPECS = st.fixed_dictionaries(
    {
        "cron_expressions": st.lists(EXPRESSIONS, max_size=2),
        "intervals": st.lists(
            st.fixed_dictionaries(
                {
                    "every": PERIODS.map(lambda length: f"PT{length}S"),
                    "offset": st.none() | PERIODS.map(lambda length: f"PT{length}S"),
                }
            ),
            min_size=1,
            max_size=2,
        ),
    }
)


@given(SPECS, ZONES, MOMENTS)
def test_fire_times_come_after_the_moment_and_none_is_left_out(
    spec: dict[str, object], zone: str, moment: int
) -> None:
    times = FireTimes.of(spec, ZoneInfo(zone))
    first = times.after(moment)
    assert first is not None
    assert first > moment
    assert first % SECOND == 0
    # Asked from anywhere before it, it is still the next one.
    assert times.after((moment + first) // 2) == first
    assert times.after(first - 1) == first


DAYS = st.one_of(field(1, 28), st.sampled_from(["*", "31", "L", "29,30", "*/7"]))
DAYS_OF_WEEKS = st.one_of(field(0, 6), st.sampled_from(["*", "1-5", "5L", "2#2", "MON,SUN"]))
FURTHER = st.tuples(field(0, 59), field(0, 23), DAYS, field(1, 12), DAYS_OF_WEEKS).map(" ".join)


@given(
    st.one_of(EXPRESSIONS, FURTHER),
    st.datetimes(datetime(2023, 1, 1), datetime(2029, 1, 1)),
)
def test_times_of_one_day_are_those_that_a_search_finds(expression: str, after: datetime) -> None:
    try:
        searched = CronSim(expression, after)
    except CronSimError:
        return  # such as the 30th of February
    assert list(islice(wall_times(expression, after), 60)) == list(islice(searched, 60))


@given(SPECS, MOMENTS)
def test_a_zone_that_never_jumps_is_read_as_all_others_are(
    spec: dict[str, object], moment: int
) -> None:
    end = at("2100-01-01T00:00:00+00:00")
    found = list(islice(FireTimes.of(spec, UTC).between(moment, end), 8))
    assert found == list(islice(FireTimes.of(spec, ZoneInfo("UTC")).between(moment, end), 8))


@given(SPECS, ZONES, MOMENTS)
def test_a_span_is_what_a_schedule_would_have_fired(
    spec: dict[str, object], zone: str, moment: int
) -> None:
    times = FireTimes.of(spec, ZoneInfo(zone))
    found = list(islice(times.between(moment, at("2100-01-01T00:00:00+00:00")), 8))
    one_by_one: list[int] = []
    last = moment - 1
    for _ in found:
        following = times.after(last)
        assert following is not None
        # Read anew it is what the reading that is under way goes on with.
        assert next(times.between(last + 1, following + 1)) == following
        one_by_one.append(following)
        last = following
    assert one_by_one == found
    assert found == sorted(set(found))


@given(PERIODS, PERIODS, MOMENTS)
def test_intervals_count_from_1970(period: int, offset: int, moment: int) -> None:
    times = FireTimes([], [(period * SECOND, offset * SECOND)], UTC)
    found = times.after(moment)
    assert found is not None
    assert (found - offset * SECOND) % (period * SECOND) == 0
    assert moment < found <= moment + period * SECOND


@given(st.integers(0, 59), st.integers(0, 23), ZONES, MOMENTS)
def test_a_fixed_time_fires_on_every_day(minute: int, hour: int, zone: str, moment: int) -> None:
    times = cron(f"{minute} {hour} * * *", zone=zone)
    found = list(islice(times.between(moment, at("2100-01-01T00:00:00+00:00")), 5))
    days = [
        (EPOCH + timedelta(microseconds=each)).astimezone(ZoneInfo(zone)).date() for each in found
    ]
    assert {later - earlier for earlier, later in pairwise(days)} == {timedelta(days=1)}


def allowed(text: str, least: int, most: int) -> set[int]:
    """What a field of `EXPRESSIONS` matches, told without the library."""
    if text.startswith("*"):
        return set(range(least, most + 1, int(text[2:] or 1)))
    found: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


JUMPS = [
    "2026-03-29T01:00",
    "2026-10-25T01:00",
    "2026-03-08T07:00",
    "2026-11-01T06:00",
    "2026-10-03T15:30",
    "2026-04-04T15:00",
]


@given(EXPRESSIONS, ZONES, st.sampled_from(JUMPS), st.integers(-600, 600))
def test_what_follows_the_clock_fires_in_each_minute_that_matches(
    expression: str, zone: str, jump: str, minutes: int
) -> None:
    minute, hour, day, month, weekday = expression.split()
    minute = f"*/{minute}" if minute.isdigit() and int(minute) > 1 else "*"
    fields = [allowed(minute, 0, 59), allowed(hour, 0, 23), allowed(day, 1, 31)]
    fields += [allowed(month, 1, 12), allowed(weekday, 0, 6)]
    either = not day.startswith("*") and not weekday.startswith("*")
    begin = at(f"{jump}:00+00:00") + minutes * 60 * SECOND
    end = begin + 12 * HOUR

    expected: list[int] = []
    for moment in range(begin, end, 60 * SECOND):
        local = (EPOCH + timedelta(microseconds=moment)).astimezone(ZoneInfo(zone))
        on_day, on_weekday = local.day in fields[2], local.isoweekday() % 7 in fields[4]
        matches = (on_day or on_weekday) if either else (on_day and on_weekday)
        times = local.minute in fields[0] and local.hour in fields[1]
        if matches and times and local.month in fields[3]:
            expected.append(moment)
    found = cron(f"{minute} {hour} {day} {month} {weekday}", zone=zone).between(begin, end)
    assert list(found) == expected
