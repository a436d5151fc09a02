"""One history of each kind of step, whole, in every prefix and in every cut.

`example_histories.json` holds what our server recorded of this code. The published examples have
the same names and the same code.
"""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import json
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow._kernel import Machine, Start
from durable_workflow.errors import ActivityFailed, ChildWorkflowFailed


@workflow.defn(name="ex.greeter")
class Greeter:
    def run(self, ctx: Any, name: Any) -> Any:
        return (yield ctx.schedule_activity("greet", [name]))


@workflow.defn(name="ex.timer")
class Timer:
    def run(self, ctx: Any) -> Any:
        yield ctx.start_timer(60)
        return "woke"


@workflow.defn(name="ex.fanout")
class FanOut:
    def run(self, ctx: Any) -> Any:
        return (yield [ctx.schedule_activity("part", [n]) for n in (1, 2, 3)])


@workflow.defn(name="ex.parent")
class Parent:
    def __init__(self) -> None:
        self.thrown: Any = None

    @workflow.query("thrown")
    def thrown_kind(self) -> Any:
        return self.thrown.failure_kind, self.thrown.failure_category

    def run(self, ctx: Any) -> Any:
        try:
            result = yield ctx.start_child_workflow("ex.child", ["x"])
        except ChildWorkflowFailed as error:
            self.thrown = error
            return {"failed": str(error), "class": error.exception_class}
        return {"child": result}


@workflow.defn(name="ex.approval")
class Approval:
    def __init__(self) -> None:
        self.by = None

    @workflow.signal("approve")
    def approve(self, by: Any) -> None:
        self.by = by

    @workflow.query("status")
    def status(self) -> Any:
        return {"by": self.by}

    def run(self, ctx: Any) -> Any:
        ok = yield ctx.wait_condition(lambda: self.by is not None, key="approved", timeout=3600)
        return {"ok": ok, "by": self.by}


@workflow.defn(name="ex.counter")
class Counter:
    def __init__(self) -> None:
        self.total = 0

    @workflow.update("add")
    def add(self, n: Any) -> Any:
        self.total += n
        return self.total

    def run(self, ctx: Any) -> Any:
        yield ctx.wait_condition(lambda: self.total >= 5, key="target")
        return self.total


@workflow.defn(name="ex.sideeffect")
class SideEffect:
    def run(self, ctx: Any) -> Any:
        value = yield ctx.side_effect(lambda: 99)
        return (yield ctx.schedule_activity("use", [value]))


@workflow.defn(name="ex.versioned")
class Versioned:
    def run(self, ctx: Any) -> Any:
        version = yield ctx.get_version("new-flow", 1, 2)
        return (yield ctx.schedule_activity(f"v{version}", []))


@workflow.defn(name="ex.sa")
class SearchAttributes:
    def run(self, ctx: Any) -> Any:
        yield ctx.upsert_search_attributes({"Stage": "packing", "Old": None})
        yield ctx.sleep(5)
        return "done"


@workflow.defn(name="ex.loop")
class Loop:
    def run(self, ctx: Any, n: Any) -> Any:
        yield ctx.sleep(1)
        return ctx.continue_as_new(n + 1) if n < 2 else n


@workflow.defn(name="ex.retry")
class Retry:
    def run(self, ctx: Any) -> Any:
        policy = workflow.ActivityRetryPolicy(max_attempts=3)
        try:
            yield ctx.schedule_activity("charge", [10], retry_policy=policy)
        except ActivityFailed as error:
            return {
                "type": error.exception_type,
                "msg": str(error),
                "nr": error.non_retryable,
            }


CODE = {
    "simple-activity": Greeter,
    "timer": Timer,
    "fan-out-out-of-order": FanOut,
    "child-workflow-success": Parent,
    "child-workflow-failure": Parent,
    "signal-then-condition": Approval,
    "condition-timeout": Approval,
    "update-accepted-completed": Counter,
    "side-effect": SideEffect,
    "version-marker": Versioned,
    "search-attributes": SearchAttributes,
    "continue-as-new-run-1": Loop,
    "continue-as-new-run-2": Loop,
    "activity-failure-with-retries": Retry,
    "cancel": Greeter,
}
# What the prefix before a task sees, by the event that comes next: the last of its type.
PREFIXES: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("simple-activity", "ActivityScheduled"): [
        {"type": "schedule_activity", "activity_type": "greet"}
    ],
    ("simple-activity", "ActivityCompleted"): [
        {"type": "schedule_activity", "activity_type": "greet"}
    ],
    ("simple-activity", "WorkflowCompleted"): [{"type": "complete_workflow"}],
    ("timer", "TimerFired"): [{"type": "start_timer", "delay_seconds": 60}],
    ("fan-out-out-of-order", "ActivityCompleted"): [
        {"type": "schedule_activity", "activity_type": "part"}
    ]
    * 3,
    ("child-workflow-success", "ChildRunCompleted"): [{"type": "start_child_workflow"}],
    ("signal-then-condition", "ConditionWaitOpened"): [
        {"type": "open_condition_wait", "condition_key": "approved", "timeout_seconds": 3600}
    ],
    ("signal-then-condition", "SignalReceived"): [{"type": "open_condition_wait"}],
    ("signal-then-condition", "ConditionWaitSatisfied"): [{"type": "complete_workflow"}],
    ("update-accepted-completed", "UpdateApplied"): [
        {"type": "open_condition_wait", "condition_key": "target"}
    ],
    ("update-accepted-completed", "ConditionWaitSatisfied"): [{"type": "complete_workflow"}],
    ("side-effect", "SideEffectRecorded"): [
        {"type": "record_side_effect"},
        {"type": "schedule_activity", "activity_type": "use"},
    ],
    ("version-marker", "VersionMarkerRecorded"): [
        {"type": "record_version_marker", "change_id": "new-flow", "version": 2},
        {"type": "schedule_activity", "activity_type": "v2"},
    ],
    ("search-attributes", "SearchAttributesUpserted"): [
        {"type": "upsert_search_attributes", "attributes": {"Stage": "packing", "Old": None}},
        {"type": "start_timer", "delay_seconds": 5},
    ],
    ("search-attributes", "TimerScheduled"): [{"type": "start_timer", "delay_seconds": 5}],
}


OURS: Any = json.loads(Path(__file__).with_name("example_histories.json").read_text())


@pytest.fixture(scope="module")
def published(spec_data: Any) -> Any:
    return json.loads((spec_data / "example-histories.json").read_text())["cases"]


def test_every_example_has_its_code(published: Any) -> None:
    assert set(published) == set(OURS) == set(CODE)


@pytest.mark.parametrize("name", sorted(CODE))
def test_whole_history(name: Any) -> None:
    check_whole(name, OURS[name])


@pytest.mark.parametrize(("name", "following"), sorted(PREFIXES))
def test_the_beginning_of_a_history_gives_the_commands_that_came_next(
    name: Any, following: Any
) -> None:
    check_prefix(name, following, OURS[name])


@pytest.mark.parametrize("name", sorted(CODE))
def test_machine_fed_event_by_event_is_the_rebuilt_one(
    name: Any, outcome_of: Any, rebuilt_outcome: Any
) -> None:
    check_cuts(name, OURS[name], outcome_of, rebuilt_outcome)


def test_query_of_the_approval() -> None:
    check_query(OURS["signal-then-condition"])


def test_update_task_of_the_counter() -> None:
    check_update(OURS["update-accepted-completed"])


def test_error_of_the_failed_child() -> None:
    check_error(OURS["child-workflow-failure"])


def test_the_published_examples(published: Any, outcome_of: Any, rebuilt_outcome: Any) -> None:
    for name, case in published.items():
        check_whole(name, case)
        check_cuts(name, case, outcome_of, rebuilt_outcome)
    for name, following in PREFIXES:
        check_prefix(name, following, published[name])
    check_query(published["signal-then-condition"])
    check_update(published["update-accepted-completed"])
    check_error(published["child-workflow-failure"])


def check_whole(name: Any, case: Any) -> None:
    outcome = workflow.replay(
        CODE[name], case["history"], case["start_input"], payload_codec="avro"
    )
    wired = workflow.commands_to_server_commands(outcome.commands, "q")
    for command, wire, expected in zip(
        outcome.commands, wired, case["expect"]["commands"], strict=True
    ):
        payloads = {key: expected[key] for key in ("result", "arguments") if key in expected}
        assert {key: getattr(command, key) for key in payloads} == payloads
        assert {key: wire[key] for key in expected.keys() - payloads.keys()} == {
            key: expected[key] for key in expected.keys() - payloads.keys()
        }


def check_prefix(name: Any, following: Any, case: Any) -> None:
    places = [
        place for place, each in enumerate(case["history"]) if each["event_type"] == following
    ]
    history = case["history"][: places[-1]]
    outcome = workflow.replay(CODE[name], history, case["start_input"], payload_codec="avro")
    wired = workflow.commands_to_server_commands(outcome.commands, "q")
    assert [
        {key: wire[key] for key in expected}
        for wire, expected in zip(wired, PREFIXES[name, following], strict=True)
    ] == PREFIXES[name, following]


def check_cuts(name: Any, case: Any, outcome_of: Any, rebuilt_outcome: Any) -> None:
    start = Start(run_id="run-1", arguments=case["start_input"], payload_codec="avro")
    history = case["history"]
    machine = Machine(CODE[name], start)
    for length in range(len(history) + 1):
        machine.feed(history[length - 1 : length])
        expected = rebuilt_outcome(CODE[name], history[:length], case["start_input"])
        if machine.stale:
            machine = Machine(CODE[name], start)
            machine.feed(history[:length])
        assert outcome_of(machine) == expected


def check_query(case: Any) -> None:
    question = case["expect"]["query"]
    answer = workflow.query_state(
        Approval, case["history"], [], question["name"], question["args"], payload_codec="avro"
    )
    assert answer == question["result"]


def check_update(case: Any) -> None:
    task = case["expect"]["update_task"]
    command = workflow.apply_update(
        Counter,
        case["history"][: task["history_prefix_length"]],
        [],
        task["update_id"],
        payload_codec="avro",
    )
    assert command == workflow.CompleteUpdate(task["update_id"], task["command"]["result"])


def check_error(case: Any) -> None:
    kinds = workflow.query_state(Parent, case["history"], [], "thrown", payload_codec="avro")
    assert kinds == ("application", "application")
