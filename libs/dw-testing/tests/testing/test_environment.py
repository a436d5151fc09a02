# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false
"""Mocks, and what a workflow sees of them."""

import asyncio
import re
from collections.abc import Callable, Generator
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from durable_workflow import activity, workflow
from durable_workflow.errors import ActivityFailed, NonRetryableError, WorkflowFailed
from durable_workflow.testing import MissingMock, WorkflowEnvironment
from durable_workflow.workflow import (
    ActivityRetryPolicy,
    CompleteWorkflow,
    ContinueAsNew,
    WorkflowContext,
)

Code = Generator[Any, Any, Any]


@workflow.defn(name="call-one")
class CallOne:
    def run(self, ctx: WorkflowContext, *args: Any) -> Code:
        return (yield ctx.schedule_activity("one", list(args)))


@workflow.defn(name="fan-out")
class FanOut:
    def run(self, ctx: WorkflowContext, count: int) -> Code:
        return (yield [ctx.schedule_activity("one", [number]) for number in range(count)])


@workflow.defn(name="careful")
class Careful:
    """Says what became of an activity, which it tries as often as it is told."""

    def run(self, ctx: WorkflowContext, attempts: int, *timeouts: int) -> Code:
        policy = ActivityRetryPolicy(max_attempts=attempts, non_retryable_error_types=["KeyError"])
        started = ctx.now()
        try:
            return (yield ctx.schedule_activity("one", [], retry_policy=policy))
        except ActivityFailed as error:
            after = (ctx.now() - started).total_seconds()
            return [error.exception_type, str(error), error.non_retryable, after]


@workflow.defn(name="patient")
class Patient:
    def run(self, ctx: WorkflowContext) -> Code:
        yield ctx.wait_condition(lambda: False)


@pytest.fixture
def env() -> WorkflowEnvironment:
    return WorkflowEnvironment()


def test_a_function_wins_over_a_canned_result(env: WorkflowEnvironment) -> None:
    env.register_activity("one", lambda: "function")
    env.register_activity_result("one", "result")
    assert env.execute_workflow(CallOne) == "function"


def test_arguments_and_results_travel_as_payloads(env: WorkflowEnvironment) -> None:
    seen: list[Any] = []

    def one(argument: Any) -> Any:
        seen.append(argument)
        return ("a", ("b",))

    env.register_activity("one", one)
    assert env.execute_workflow(CallOne, (1, 2)) == ["a", ["b"]]
    assert seen == [[1, 2]]
    assert env.runs[0].input == [[1, 2]]


def test_a_result_that_cannot_be_encoded_fails_the_activity(env: WorkflowEnvironment) -> None:
    env.register_activity("one", object)
    with pytest.raises(WorkflowFailed, match="object"):
        env.execute_workflow(CallOne)


def test_results_of_a_list_come_in_its_order(env: WorkflowEnvironment) -> None:
    env.register_activity("one", lambda number: number * 10)
    assert env.execute_workflow(FanOut, 4) == [0, 10, 20, 30]


def test_a_missing_mock_is_a_key_error_that_says_what_to_do(env: WorkflowEnvironment) -> None:
    env.register_activity_result("other", 1)
    with pytest.raises(KeyError, match=r"no mock for activity 'one'.*'other'") as caught:
        env.execute_workflow(CallOne)
    assert isinstance(caught.value, MissingMock)


def test_a_key_error_of_a_mock_is_the_activity_s(env: WorkflowEnvironment) -> None:
    env.register_activity("one", lambda: dict[str, str]()["missing"])
    assert env.execute_workflow(Careful, 1) == ["KeyError", "'missing'", False, 0.0]


def test_what_a_mock_raises_is_an_activity_failure(env: WorkflowEnvironment) -> None:
    def one() -> None:
        raise ValueError("no")

    env.register_activity("one", one)
    assert env.execute_workflow(Careful, 1) == ["ValueError", "no", False, 0.0]


def test_a_failing_mock_is_called_as_often_as_the_policy_says(env: WorkflowEnvironment) -> None:
    attempts: list[int] = []

    def one() -> str:
        attempts.append(activity.context().info.attempt_number)
        if len(attempts) < 3:
            raise ValueError("not yet")
        return "done"

    env.register_activity("one", one)
    assert env.execute_workflow(Careful, 3) == "done"
    assert attempts == [1, 2, 3]


def test_back_off_passes_in_simulated_time(env: WorkflowEnvironment) -> None:
    def one() -> None:
        raise ValueError("no")

    env.register_activity("one", one)
    assert env.execute_workflow(Careful, 4) == ["ValueError", "no", False, 1.0 + 2.0 + 4.0]


@pytest.mark.parametrize("error", [NonRetryableError("no"), KeyError("no")])
def test_some_errors_are_not_retried(env: WorkflowEnvironment, error: Exception) -> None:
    calls: list[int] = []

    def one() -> None:
        calls.append(1)
        raise error

    env.register_activity("one", one)
    [kind, *_] = env.execute_workflow(Careful, 5)
    assert (kind, len(calls)) == (type(error).__name__, 1)


def test_the_failure_of_a_workflow_names_the_exception_behind_it(env: WorkflowEnvironment) -> None:
    error = ValueError("no")

    def one() -> None:
        raise error

    env.register_activity("one", one)
    with pytest.raises(WorkflowFailed) as caught:
        env.execute_workflow(CallOne)
    assert caught.value.exception_class == "ActivityFailed"
    assert caught.value.__cause__ is error


def test_the_failure_of_a_workflow_names_its_line(env: WorkflowEnvironment) -> None:
    @workflow.defn(name="raises")
    class Raises:
        def run(self, ctx: WorkflowContext) -> Code:
            yield ctx.sleep(1)
            self.fails()

        def fails(self) -> None:
            raise RuntimeError("boom")

    with pytest.raises(WorkflowFailed, match="boom") as caught:
        env.execute_workflow(Raises)
    [note] = caught.value.__notes__
    assert __file__ in note
    assert "fails" in note.splitlines()[-1]


def test_what_ends_a_test_passes_through(env: WorkflowEnvironment) -> None:
    env.register_activity("one", lambda: pytest.skip("as a test does"))
    with pytest.raises(pytest.skip.Exception):
        env.execute_workflow(CallOne)


def test_real_activities_are_registered_by_their_names(env: WorkflowEnvironment) -> None:
    @activity.defn(name="one")
    async def one(name: str) -> str:
        await asyncio.sleep(0)
        await activity.context().heartbeat({"at": name})
        return f"{name} by {activity.context().info.activity_type}"

    env.register_activities(one)
    assert env.execute_workflow(CallOne, "done") == "done by one"
    beats = [e for e in env.runs[0].history if e["event_type"] == "ActivityHeartbeatRecorded"]
    assert [beat["payload"]["progress"] for beat in beats] == [{"at": "done"}]


async def test_coroutine_mocks_run_in_a_test_that_is_one(env: WorkflowEnvironment) -> None:
    async def one() -> str:
        await asyncio.sleep(0)
        return "done"

    env.register_activity("one", one)
    assert env.execute_workflow(CallOne) == "done"


def test_mocks_of_the_standard_library_stand_in(env: WorkflowEnvironment) -> None:
    for mock in (Mock(side_effect=["done"]), AsyncMock(return_value="done")):
        env.register_activity("one", mock)
        assert env.execute_workflow(CallOne, 1) == "done"
        mock.assert_called_once_with(1)


def test_undecorated_functions_and_classes_are_refused(env: WorkflowEnvironment) -> None:
    with pytest.raises(TypeError, match=r"activity\.defn"):
        env.register_activities(lambda: None)
    with pytest.raises(TypeError, match="give the functions one by one"):
        env.register_activities([len])  # type: ignore[arg-type] # what a user may write
    with pytest.raises(TypeError, match=r"workflow\.defn"):
        env.register_workflow(dict)
    with pytest.raises(TypeError, match="not callable"):
        env.register_activity("one", "result")  # type: ignore[arg-type] # what a user may write


def test_an_endless_workflow_is_stopped() -> None:
    @workflow.defn(name="endless")
    class Endless:
        def run(self, ctx: WorkflowContext) -> Code:
            while True:
                yield ctx.sleep(60)

    with pytest.raises(RuntimeError, match="did not end within 10 iterations"):
        WorkflowEnvironment(iteration_limit=10).execute_workflow(Endless)


def test_the_iteration_limit_allows_as_many() -> None:
    env = WorkflowEnvironment(iteration_limit=2)
    env.register_activity_result("one", 1)
    assert env.execute_workflow(CallOne) == 1
    env = WorkflowEnvironment(iteration_limit=1)
    env.register_activity_result("one", 1)
    with pytest.raises(RuntimeError):
        env.execute_workflow(CallOne)


@workflow.defn(name="again")
class Again:
    def run(self, ctx: WorkflowContext, left: int, to: str | None = None) -> Code:
        seen = yield ctx.side_effect(lambda: str(ctx.uuid4()))
        if to is not None:
            return ctx.continue_as_new(workflow_type=to)
        return ctx.continue_as_new(left - 1) if left else seen


def test_a_runaway_chain_is_stopped() -> None:
    env = WorkflowEnvironment(continue_as_new_limit=3)
    with pytest.raises(RuntimeError, match="continued as new"):
        env.execute_workflow(Again, 3)
    assert env.run_count == 3
    env.execute_workflow(Again, 2)
    assert env.run_count == 3


def test_each_link_has_a_run_id_and_a_history_of_its_own(env: WorkflowEnvironment) -> None:
    env.execute_workflow(Again, 2, run_id="r")
    ids = [record.history[0]["payload"]["workflow_run_id"] for record in env.runs]
    assert ids == ["r", "r-continued", "r-continued-continued"]
    assert [record.history[-1]["event_type"] for record in env.runs] == [
        "WorkflowContinuedAsNew",
        "WorkflowContinuedAsNew",
        "WorkflowCompleted",
    ]
    assert isinstance(env.runs[0].terminal, ContinueAsNew)
    assert isinstance(env.runs[2].terminal, CompleteWorkflow)


def test_a_chain_to_an_unknown_type_is_a_key_error(env: WorkflowEnvironment) -> None:
    with pytest.raises(KeyError, match="'nowhere'"):
        env.execute_workflow(Again, 0, "nowhere")


def test_runs_are_a_copy_and_begin_anew(env: WorkflowEnvironment) -> None:
    env.execute_workflow(Again, 1)
    env.runs.clear()
    assert env.run_count == 2
    env.execute_workflow(Again, 0)
    assert env.run_count == 1


def test_markers_are_recorded(env: WorkflowEnvironment) -> None:
    @workflow.defn(name="markers")
    class Markers:
        def run(self, ctx: WorkflowContext) -> Code:
            effect = yield ctx.side_effect(lambda: 7)
            version = yield ctx.get_version("change", 1, 3)
            patched = yield ctx.patched("patch")
            yield ctx.upsert_search_attributes({"Region": "eu", "Gone": None})
            return [effect, version, patched]

    handle = env.start_workflow(Markers)
    assert handle.result() == [7, 3, True]
    assert handle.search_attributes == {"Region": "eu"}
    assert [event["event_type"] for event in handle.history] == [
        "WorkflowStarted",
        "SideEffectRecorded",
        "VersionMarkerRecorded",
        "VersionMarkerRecorded",
        "SearchAttributesUpserted",
        "WorkflowCompleted",
    ]


def test_a_command_that_a_server_would_refuse_raises(env: WorkflowEnvironment) -> None:
    @workflow.defn(name="hasty")
    class Hasty:
        def run(self, ctx: WorkflowContext) -> Code:
            yield ctx.schedule_activity("one", [], start_to_close_timeout=0)

    with pytest.raises(ValueError, match="start_to_close_timeout"):
        env.execute_workflow(Hasty)


def test_a_plain_run_completes_at_once(env: WorkflowEnvironment) -> None:
    @workflow.defn(name="plain")
    class Plain:
        def run(self, ctx: WorkflowContext, name: str) -> str:
            return f"hello {name}"

    assert env.execute_workflow(Plain, "you") == "hello you"


@pytest.mark.parametrize("limit", ["iteration_limit", "continue_as_new_limit"])
def test_a_limit_is_at_least_one(limit: str) -> None:
    with pytest.raises(ValueError, match=f"{limit} must be at least 1, got 0"):
        WorkflowEnvironment(**{limit: 0})  # type: ignore[arg-type]


@pytest.mark.parametrize("given", ["call-one", CallOne()])
def test_what_is_run_must_be_a_class(env: WorkflowEnvironment, given: Any) -> None:
    with pytest.raises(TypeError, match="give the workflow's class, not "):
        env.execute_workflow(given)


@pytest.mark.parametrize("args", ["alice", b"alice", 3, {"by": "alice"}])
def test_arguments_of_a_message_must_be_a_list(env: WorkflowEnvironment, args: Any) -> None:
    """A text would be taken letter by letter."""
    handle = env.start_workflow(Patient)
    for send in (env.signal, env.query, handle.signal, handle.query, handle.update):
        with pytest.raises(TypeError, match=r"the arguments of \w+ 'approve' must be a list"):
            send("approve", args)


def test_an_injected_failure_must_be_an_exception(env: WorkflowEnvironment) -> None:
    error: Any = "boom"
    with pytest.raises(TypeError, match=r"must be an exception, as RuntimeError\('boom'\)"):
        env.fail_next_activity("one", error)


def test_a_mock_gets_a_single_argument_as_a_worker_gives_it() -> None:
    @workflow.defn(name="single-argument")
    class Single:
        def run(self, ctx: Any) -> Code:
            return (yield ctx.schedule_activity("greet", "world"))

    env = WorkflowEnvironment()

    def greet(*names: str) -> list[str]:
        return list(names)

    env.register_activity("greet", greet)
    assert env.execute_workflow(Single) == ["world"]


def test_code_that_yields_no_command_fails_with_the_advice_that_a_worker_gives() -> None:
    @workflow.defn(name="advised")
    class Advised:
        def run(self, ctx: Any) -> Any:
            yield

    env = WorkflowEnvironment()
    with pytest.raises(WorkflowFailed, match=r"unsupported command: None .a yield without a value"):
        env.execute_workflow(Advised)


REFUSED: list[tuple[Callable[[WorkflowContext], Any], str]] = [
    (lambda ctx: ctx.schedule_activity("a", [], retry_policy={"attempts": 3}), "has no field"),
    (lambda ctx: ctx.start_child_workflow("c", parent_close_policy="cancel"), "one of abandon"),
    (lambda ctx: ctx.upsert_search_attributes({}), "at least one"),
]


@pytest.mark.parametrize(("command", "problem"), REFUSED, ids=[each for _, each in REFUSED])
def test_a_command_that_every_server_refuses_is_refused(
    command: Callable[[WorkflowContext], Any], problem: str
) -> None:
    @workflow.defn(name="command-refused")
    class Refused:
        def run(self, ctx: WorkflowContext) -> Code:
            return (yield command(ctx))

    env = WorkflowEnvironment()
    env.register_activity_result("a", None)
    env.register_child_workflow_result("c", None)
    with pytest.raises(ValueError, match=problem):
        env.execute_workflow(Refused)


def test_a_signal_that_is_not_applied_is_logged_with_the_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @workflow.defn(name="one-signal")
    class OneSignal:
        @workflow.signal("approve")
        def approve(self, by: str) -> None: ...

        def run(self, ctx: WorkflowContext) -> Code:
            yield ctx.sleep(1)

    env = WorkflowEnvironment()
    env.signal("aprove", ["ann"])
    env.signal("approve", [])
    env.execute_workflow(OneSignal)
    unknown, unfit = (record.getMessage() for record in caplog.records)
    assert re.match("signal 'aprove' of workflow .* was not applied: .*approve", unknown)
    assert re.match("signal 'approve' of workflow .* do not fit: missing", unfit)
