"""Histories recorded by an old release: no sequences, bare JSON blobs, no codec."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import json
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.errors import ChildWorkflowFailed


@workflow.defn(name="golden.single-activity")
class SingleActivity:
    def run(self, ctx: Any, name: Any) -> Any:
        return (yield ctx.schedule_activity("golden.greet", [name]))


@workflow.defn(name="golden.signal-wait")
class SignalWait:
    def __init__(self) -> None:
        self.by = None

    @workflow.signal("approve")
    def approve(self, by: Any) -> None:
        self.by = by

    def run(self, ctx: Any) -> Any:
        if not (yield ctx.wait_condition(lambda: self.by is not None, key="approval", timeout=30)):
            return "timed-out"
        result = yield ctx.schedule_activity("golden.notify", [self.by])
        return {"approved_by": self.by, "activity_result": result}


@workflow.defn(name="golden.timeout-wait")
class TimeoutWait:
    def run(self, ctx: Any) -> Any:
        satisfied = yield ctx.wait_condition(lambda: False, key="approval", timeout=5)
        return "satisfied" if satisfied else "timed-out"


@workflow.defn(name="golden.version-marker")
class VersionMarker:
    def run(self, ctx: Any) -> Any:
        version = yield ctx.get_version("golden-version", 1, 2)
        path = "golden.version-new-path" if version >= 2 else "golden.version-old-path"
        return (yield ctx.schedule_activity(path, []))


@workflow.defn(name="golden.saga-compensation")
class Saga:
    def run(self, ctx: Any, order_id: Any) -> Any:
        reserved = yield ctx.schedule_activity("golden.reserve-inventory", [order_id])
        try:
            charged = yield ctx.start_child_workflow("golden.charge-customer", [order_id, reserved])
        except ChildWorkflowFailed as error:
            return (
                yield ctx.schedule_activity(
                    "golden.release-inventory", [order_id, reserved, str(error)]
                )
            )
        return [reserved, charged]


_DEFINED: tuple[Any, ...] = (SingleActivity, SignalWait, TimeoutWait, VersionMarker, Saga)
CLASSES = {cls.__workflow_name__: cls for cls in _DEFINED}


@pytest.fixture(scope="module")
def cases(old_histories: Any) -> Any:
    return {case["name"]: case for case in old_histories["cases"]}


@pytest.mark.parametrize("cls", _DEFINED)
def test_a_case_replays_to_what_was_recorded(cls: Any, cases: Any) -> None:
    of_class = [case for case in cases.values() if case["workflow_type"] == cls.__workflow_name__]
    assert len(of_class) == 1
    check(of_class)


def test_the_published_cases_replay_to_what_was_recorded(spec_data: Any) -> None:
    folder = spec_data / "golden-history"
    fixtures = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    published = [case for fixture in fixtures for case in fixture["cases"]]
    assert len(published) == 5
    check(published)


def check(cases: Any) -> None:
    for case in cases:
        workflow_cls = CLASSES[case["workflow_type"]]
        command = workflow.replay(workflow_cls, case["history"], case["start_input"]).commands[0]
        expected = dict(case["expected"])
        assert type(command).__name__ == expected.pop("command_type"), case["name"]
        assert {key: getattr(command, key) for key in expected} == expected, case["name"]


def test_every_prefix_replays(cases: Any) -> None:
    """A history may be cut anywhere: no error, and something to say."""
    for case in cases.values():
        for length in range(len(case["history"])):
            outcome = workflow.replay(
                CLASSES[case["workflow_type"]], case["history"][:length], case["start_input"]
            )
            assert outcome.commands
