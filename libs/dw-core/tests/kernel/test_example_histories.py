"""The example histories of the specification, whole, in every prefix and in every cut."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import json
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
# What the prefix before a task sees, by the number of events it has.
PREFIXES: dict[tuple[str, int], list[dict[str, Any]]] = {
    ("simple-activity", 2): [{"type": "schedule_activity", "activity_type": "greet"}],
    ("simple-activity", 4): [{"type": "schedule_activity", "activity_type": "greet"}],
    ("simple-activity", 5): [{"type": "complete_workflow"}],
    ("timer", 3): [{"type": "start_timer", "delay_seconds": 60}],
    ("fan-out-out-of-order", 10): [{"type": "schedule_activity", "activity_type": "part"}] * 3,
    ("child-workflow-success", 4): [{"type": "start_child_workflow"}],
    ("signal-then-condition", 2): [
        {"type": "open_condition_wait", "condition_key": "approved", "timeout_seconds": 3600}
    ],
    ("signal-then-condition", 4): [{"type": "open_condition_wait"}],
    ("signal-then-condition", 5): [{"type": "complete_workflow"}],
    ("update-accepted-completed", 4): [{"type": "open_condition_wait", "condition_key": "target"}],
    ("update-accepted-completed", 6): [{"type": "complete_workflow"}],
    ("side-effect", 2): [
        {"type": "record_side_effect"},
        {"type": "schedule_activity", "activity_type": "use"},
    ],
    ("version-marker", 2): [
        {"type": "record_version_marker", "change_id": "new-flow", "version": 2},
        {"type": "schedule_activity", "activity_type": "v2"},
    ],
    ("search-attributes", 2): [
        {"type": "upsert_search_attributes", "attributes": {"Stage": "packing", "Old": None}},
        {"type": "start_timer", "delay_seconds": 5},
    ],
    ("search-attributes", 3): [{"type": "start_timer", "delay_seconds": 5}],
}


@pytest.fixture(scope="module")
def cases(spec_data: Any) -> Any:
    return json.loads((spec_data / "example-histories.json").read_text())["cases"]


def test_every_example_has_its_code(cases: Any) -> None:
    assert set(cases) == set(CODE)


@pytest.mark.parametrize("name", sorted(CODE))
def test_whole_history(name: Any, cases: Any) -> None:
    case = cases[name]
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


@pytest.mark.parametrize(("name", "length"), sorted(PREFIXES))
def test_the_beginning_of_a_history_gives_the_commands_that_came_next(
    name: Any, length: Any, cases: Any
) -> None:
    case = cases[name]
    outcome = workflow.replay(
        CODE[name], case["history"][:length], case["start_input"], payload_codec="avro"
    )
    wired = workflow.commands_to_server_commands(outcome.commands, "q")
    assert [
        {key: wire[key] for key in expected}
        for wire, expected in zip(wired, PREFIXES[name, length], strict=True)
    ] == PREFIXES[name, length]


@pytest.mark.parametrize("name", sorted(CODE))
def test_machine_fed_event_by_event_is_the_rebuilt_one(
    name: Any, cases: Any, outcome_of: Any, rebuilt_outcome: Any
) -> None:
    case = cases[name]
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


def test_query_of_the_approval(cases: Any) -> None:
    case = cases["signal-then-condition"]
    question = case["expect"]["query"]
    answer = workflow.query_state(
        Approval, case["history"], [], question["name"], question["args"], payload_codec="avro"
    )
    assert answer == question["result"]


def test_update_task_of_the_counter(cases: Any) -> None:
    case = cases["update-accepted-completed"]
    task = case["expect"]["update_task"]
    command = workflow.apply_update(
        Counter,
        case["history"][: task["history_prefix_length"]],
        [],
        task["update_id"],
        payload_codec="avro",
    )
    assert command == workflow.CompleteUpdate(task["update_id"], task["command"]["result"])


def test_error_of_the_failed_child(cases: Any) -> None:
    history = cases["child-workflow-failure"]["history"]
    kinds = workflow.query_state(Parent, history, [], "thrown", payload_codec="avro")
    assert kinds == ("application", "application")
