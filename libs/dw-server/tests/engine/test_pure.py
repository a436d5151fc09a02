"""The engine decides about copies, and equal input decides alike."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from itertools import count
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from durable_workflow.server.engine import buffered_events, completion, tasks
from durable_workflow.server.engine.commands import parse_commands
from durable_workflow.server.engine.decision import Decision, NewId
from durable_workflow.server.engine.limits import Limits
from durable_workflow.server.engine.starting import Beginning, begin
from durable_workflow.server.engine.state import BufferedEvent, Run, RunDetails
from durable_workflow.server.slices import at_once

NOW = 1_767_225_600_000_000
Json = dict[str, Any]


def ids() -> NewId:
    numbers = count(1)
    return lambda: f"id{next(numbers):04}"


def leased() -> Run:
    beginning = Beginning(
        namespace="default",
        workflow_id="wf",
        workflow_type="flow",
        task_queue="q",
        run_id="run",
    )
    run = begin(beginning, NOW, ids()).run
    claimed = tasks.claim(
        run,
        NOW,
        ids(),
        worker_id="w",
        poll_request_id=None,
        lease_seconds=30,
        keeps_machines=False,
    )
    return claimed.run


steps = st.sampled_from(
    [
        {"type": "schedule_activity", "activity_type": "a"},
        {"type": "start_timer", "delay_seconds": 5},
        {"type": "start_child_workflow", "workflow_type": "c"},
        {"type": "record_side_effect", "result": "1"},
        {
            "type": "record_version_marker",
            "change_id": "c",
            "version": 1,
            "min_supported": 1,
            "max_supported": 1,
        },
        {"type": "upsert_search_attributes", "attributes": {"a": 1}},
        {"type": "open_condition_wait", "condition_key": "k", "timeout_seconds": 3},
        {"type": "open_condition_wait", "timeout_seconds": 0},
    ]
)
ends = st.sampled_from(
    [
        {"type": "complete_workflow", "result": "1"},
        {"type": "fail_workflow", "message": "no"},
        {"type": "continue_as_new"},
    ]
)


def decide(run: Run, commands: list[Json]) -> Decision:
    parsed, errors = at_once(parse_commands(commands, run.codec, Limits()))
    assert errors == {}
    details = RunDetails(run.run_id, None)
    loaded = completion.Loaded(details=details)
    return at_once(completion.complete(run, parsed, loaded, NOW, ids(), limits=Limits()))


@given(commands=st.lists(steps, min_size=1, max_size=8), end=st.none() | ends)
def test_a_completion_changes_nothing_that_it_was_given(
    commands: list[Json], end: Json | None
) -> None:
    run = leased()
    before, asked = deepcopy(run), [*commands, *([end] if end else [])]
    given_commands = deepcopy(asked)
    first, second = decide(run, asked), decide(run, asked)
    assert run == before
    assert asked == given_commands
    assert [event.record for event in first.events] == [event.record for event in second.events]
    assert first.run == second.run


@given(commands=st.lists(steps, min_size=1, max_size=8), end=st.none() | ends)
def test_numbers_grow_and_histories_are_dense(commands: list[Json], end: Json | None) -> None:
    run = leased()
    decision = decide(run, [*commands, *([end] if end else [])])
    records = [msgspec.json.decode(event.record) for event in decision.events]
    assert [record["sequence"] for record in records] == list(
        range(run.last_sequence + 1, decision.run.last_sequence + 1)
    )
    opening = [
        record["payload"]["sequence"]
        for record in records
        if record["event_type"]
        in (
            "ActivityScheduled",
            "ChildWorkflowScheduled",
            "ConditionWaitOpened",
            "SideEffectRecorded",
            "VersionMarkerRecorded",
            "SearchAttributesUpserted",
        )
        or (record["event_type"] == "TimerScheduled" and "timer_kind" not in record["payload"])
    ]
    assert opening == sorted(set(opening)), "each command has a number of its own, in order"
    size = sum(len(event.record) for event in decision.events)
    assert decision.run.history_bytes - run.history_bytes == size


@given(commands=st.lists(steps, min_size=1, max_size=8), end=st.none() | ends)
def test_a_run_is_closed_or_has_something_that_will_wake_it(
    commands: list[Json], end: Json | None
) -> None:
    run = decide(leased(), [*commands, *([end] if end else [])]).run
    if end is not None:
        assert run.closed
        assert run.task_id is None
        return
    assert run.task_id is not None or run.batch_open or run.wait_id is not None


def test_an_event_during_a_lease_changes_no_history(
    started: Callable[..., Decision], new_id: NewId, now: int
) -> None:
    run = leased()
    event = BufferedEvent("signal", "s", "SignalReceived", b"{}", "c")
    decision = buffered_events.signal_received(run, now, new_id, event)
    assert decision.events == []
    assert decision.buffered == [event]
    assert decision.run.buffered == 1
    assert run.buffered == 0
    ready = started().run
    assert len(buffered_events.signal_received(ready, now, new_id, event).events) == 1
