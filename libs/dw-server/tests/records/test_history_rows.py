"""Rows of histories: which records share one, and that each comes back from it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_workflow._wire import names
from durable_workflow.server.engine.decision import Event
from durable_workflow.server.records.history_rows import (
    MOST_EVENTS,
    SOUGHT,
    SOUGHT_OF_HOST,
    HistoryRow,
    records_of,
    rows_of,
)
from durable_workflow.server.views import failures


def event(sequence: int, size: int = 100, event_type: str = "ActivityStarted") -> Event:
    text = b'{"sequence":%d,"event_type":"%b","x":"' % (sequence, event_type.encode())
    return Event("r", sequence, event_type, text + b"x" * (size - len(text) - 2) + b'"}')


def records(rows: Sequence[HistoryRow]) -> list[bytes]:
    return [record for row in rows for record in records_of(row.events, row.record)]


@given(st.lists(st.tuples(st.integers(60, 4000), st.sampled_from(sorted(SOUGHT)) | st.just("A"))))
def test_records_come_back_in_order(drawn: list[tuple[int, str]]) -> None:
    events = [event(at, size, event_type) for at, (size, event_type) in enumerate(drawn, 1)]
    rows = rows_of(events)

    assert records(rows) == [each.record for each in events]
    assert sum(row.events for row in rows) == len(events)
    ends = [sum(row.events for row in rows[: at + 1]) for at in range(len(rows))]
    assert [row.sequence for row in rows] == ends


def test_small_records_that_follow_each_other_share_a_row() -> None:
    [row] = rows_of([event(3), event(4), event(5)])
    assert (row.sequence, row.event_type, row.events) == (5, "", 3)
    assert len(row.record) < 200


def test_where_space_is_not_saved_records_stand_as_they_are() -> None:
    events = [event(3), event(4), event(5, event_type=names.ACTIVITY_FAILED)]

    rows = rows_of(events, packs=False)

    assert [row.record for row in rows] == [
        b"\n".join([events[0].record, events[1].record]),
        events[2].record,
    ]
    assert records(rows) == [each.record for each in events]


@pytest.mark.parametrize(
    ("events", "counts"),
    [
        ([event(1), event(2, 5000), event(3)], [1, 1, 1]),
        ([event(1), event(3)], [1, 1]),
        ([event(1), event(1)], [1, 1]),
        ([event(1), event(2, event_type=names.ACTIVITY_FAILED), event(3), event(4)], [1, 1, 2]),
        ([event(at, 2000) for at in range(1, 7)], [4, 2]),
        ([event(at, 60) for at in range(1, 100)], [MOST_EVENTS, 99 - MOST_EVENTS]),
    ],
)
def test_a_row_ends(events: list[Event], counts: list[int]) -> None:
    assert [row.events for row in rows_of(events)] == counts


def test_a_record_with_a_line_end_in_it_has_a_row_of_its_own() -> None:
    told = Event("r", 2, "SignalReceived", b'{"sequence":2,\n"x":1}')
    rows = rows_of([event(1), told, event(3)])
    assert [row.events for row in rows] == [1, 1, 1]
    assert records(rows)[1] == told.record


def test_everything_that_is_looked_for_by_type_can_be_found() -> None:
    looked_for = {names.ACTIVITY_RETRY_SCHEDULED, names.SIGNAL_NOT_APPLIED, *failures.FAILURE_KINDS}
    assert looked_for == SOUGHT


def test_of_a_run_that_hosts_an_activity_each_attempt_and_beat_is_found_by_its_type() -> None:
    types = ["ActivityScheduled", "ActivityStarted", "ActivityHeartbeatRecorded", "Other", "Other"]
    events = [event(at, event_type=each) for at, each in enumerate(types, 1)]
    rows = rows_of(events, sought=SOUGHT_OF_HOST)
    assert [row.event_type for row in rows] == [*types[:3], ""]
    assert [row.events for row in rows] == [1, 1, 1, 2]
