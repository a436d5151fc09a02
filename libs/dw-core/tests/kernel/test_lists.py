"""Fan-out: a list resolves as a whole, in yielded order, in the shape it was yielded in."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import itertools
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow._kernel import Machine, Start
from durable_workflow.errors import ActivityFailed, NonDeterministicReplayError


def answer(build: Any) -> Any:
    class Answer:
        def run(self, ctx: Any) -> Any:
            try:
                return (yield build(ctx))
            except ActivityFailed as error:
                return f"failed: {error}"

    return Answer


def three(ctx: Any) -> Any:
    return [ctx.schedule_activity("a", [n]) for n in range(3)]


def mixed(ctx: Any) -> Any:
    return [
        ctx.schedule_activity("a", []),
        ctx.start_timer(1),
        ctx.start_child_workflow("c"),
        ctx.schedule_activity("b", []),
    ]


def replayed(build: Any, history: Any) -> Any:
    return workflow.replay(answer(build), history, []).commands


def result(build: Any, history: Any) -> Any:
    (command,) = replayed(build, history)
    return command.result


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("schedules", [True, False])
def test_results_come_in_yielded_order(recorded: Any, order: Any, schedules: Any) -> None:
    history = recorded()
    if schedules:
        for n in range(3):
            history.scheduled(2 + n)
    for n in order:
        history.completed(2 + n, f"result {n}")
    assert result(three, history) == ["result 0", "result 1", "result 2"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_mixed_lists_never_swap_their_members(recorded: Any, order: Any) -> None:
    history = recorded()
    events = [
        ("ActivityCompleted", {"activity_type": "a", "result": '"a"'}),
        ("TimerFired", {}),
        ("ChildRunCompleted", {"child_workflow_type": "c", "result": '"c"'}),
        ("ActivityCompleted", {"activity_type": "b", "result": '"b"'}),
    ]
    for n in order:
        history.add(events[n][0], sequence=5 + n, **events[n][1])
    assert result(mixed, history) == ["a", None, "c", "b"]


def test_without_sequences_results_come_in_recorded_order(recorded: Any) -> None:
    history = recorded()
    for value in ("x", "y", "z"):
        history.add("ActivityCompleted", result=f'"{value}"')
    assert result(three, history) == ["x", "y", "z"]


def test_doubled_sequences_are_read_in_recorded_order(recorded: Any) -> None:
    history = recorded()
    for value in ("x", "y", "z"):
        history.completed(1, value)
    assert result(three, history) == ["x", "y", "z"]


@pytest.mark.parametrize("done", [0, 1, 2])
def test_unfinished_list_is_said_again_as_a_whole(recorded: Any, done: Any) -> None:
    history = recorded()
    for n in range(3):
        history.scheduled(2 + n)
    for n in range(done):
        history.completed(4 - n, n)
    assert replayed(three, history) == three(workflow.WorkflowContext())


def test_partly_recorded_list_is_said_as_a_whole(recorded: Any) -> None:
    assert len(replayed(three, recorded().scheduled(2))) == 3


def test_first_failure_in_yielded_order_is_raised(recorded: Any) -> None:
    history = recorded()
    for n in (2, 1):
        history.add("ActivityFailed", sequence=2 + n, activity_type="a", message=f"no {n}")
    history.completed(2, "fine")
    assert result(three, history) == "failed: no 1"


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ([], []),
        ([[]], [[]]),
        ([[], [[]]], [[], [[]]]),
        (["a", ["a", ["a"]], []], [0, [1, [2]], []]),
        ([["a", "a"], "a"], [[0, 1], 2]),
    ],
)
def test_nested_lists_keep_their_shape(recorded: Any, shape: Any, expected: Any) -> Any:
    def build(ctx: Any, part: Any = shape) -> Any:
        if isinstance(part, list):
            return [build(ctx, member) for member in part]
        return ctx.schedule_activity(part, [])

    history = recorded()
    for n in range(3):
        if str(expected).count(str(n)):
            history.activity(2 + n, n)
    assert result(build, history) == expected


def test_nested_list_is_said_depth_first() -> Any:
    def build(ctx: Any) -> Any:
        return [ctx.start_timer(1), [ctx.start_timer(2), [ctx.start_timer(3)]], ctx.start_timer(4)]

    assert [command.delay_seconds for command in replayed(build, [])] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("build", "named"),
    [
        (lambda ctx: [ctx.start_timer(1), "junk"], "'junk'"),
        (lambda ctx: [ctx.start_timer(1), [None]], "None"),
        (lambda ctx: [ctx.side_effect(lambda: 1)], "RecordSideEffect"),
        (lambda ctx: [ctx.wait_condition(lambda: True)], "WaitCondition"),
        (lambda ctx: [ctx.continue_as_new()], "ContinueAsNew"),
        (lambda ctx: [ctx.patched("x")], "RecordVersionMarker"),
        (lambda ctx: [(ctx.start_timer(1),)], "(StartTimer"),
        (lambda ctx: (ctx.start_timer(1),), "(StartTimer"),
        (lambda ctx: None, "None"),
        (lambda ctx: {"a": 1}, "{'a': 1}"),
        (lambda ctx: iter([ctx.start_timer(1)]), "list_iterator"),
    ],
)
def test_what_cannot_be_waited_for_fails_the_workflow(build: Any, named: Any) -> None:
    (command,) = replayed(build, [])
    assert isinstance(command, workflow.FailWorkflow)
    assert command.exception_type == "TypeError"
    assert command.message.startswith("workflow yielded unsupported command: ")
    assert named in command.message


async def called_directly() -> None:
    pass


def steps() -> Any:
    yield


@pytest.mark.parametrize(
    ("build", "advice"),
    [
        (lambda ctx: (ctx.start_timer(1),), "yield a list of commands"),
        (lambda ctx: {1}, "yield a list of commands"),
        (lambda ctx: steps(), "use `yield from`"),
        (lambda ctx: called_directly(), "workflow code cannot await"),
        (lambda ctx: [called_directly(), called_directly()], "workflow code cannot await"),
        (lambda ctx: called_directly, "nothing is called by yielding it"),
        (lambda ctx: None, "a yield without a value waits for nothing"),
        (lambda ctx: [ctx.start_timer(1), None], "a list with None in it waits for nothing"),
        (lambda ctx: [ctx.side_effect(int)], "only activities, timers and children"),
        (lambda ctx: workflow.CompleteWorkflow(1), "returns a result or raises"),
        (lambda ctx: "text", None),
        (lambda ctx: {"a": 1}, None),
    ],
)
def test_machine_knows_what_may_have_been_meant(build: Any, advice: Any) -> None:
    machine = Machine(answer(build), Start())
    (command,) = machine.commands()
    assert isinstance(command, workflow.FailWorkflow)
    # The specified text, and nothing else: what to do is told beside it.
    assert command.message.startswith("workflow yielded unsupported command: ")
    if advice is None:
        assert machine.advice is None
    else:
        assert machine.advice is not None
        assert advice in machine.advice
        assert advice not in command.message


def test_a_list_that_contains_itself_fails_the_workflow() -> None:
    endless: list[Any] = []
    endless.append(endless)
    (command,) = replayed(lambda ctx: endless, [])
    assert command == workflow.FailWorkflow(
        "workflow yielded unsupported command: [[...]]", "TypeError"
    )


def test_junk_that_cannot_be_shown_fails_the_workflow_all_the_same() -> None:
    class Shy:
        def __repr__(self) -> str:
            raise LookupError

    (command,) = replayed(lambda ctx: Shy(), [])
    assert isinstance(command, workflow.FailWorkflow)
    assert "Shy object at" in command.message


def test_mismatch_inside_a_list_names_its_place(recorded: Any) -> None:
    history = recorded().activity(2, 1).activity(3, 2, "other")
    with pytest.raises(NonDeterministicReplayError) as caught:
        replayed(three, history)
    assert caught.value.workflow_sequence == 3
    assert caught.value.expected_shape == "activity:a"
    assert "Recorded activity_type 'other'" in str(caught.value)


def test_parallel_group_metadata_changes_nothing(recorded: Any) -> None:
    """Groups say what sequences say already; broken ones say nothing."""
    history = recorded()
    for index in (1, 2, 0):
        group = {
            "parallel_group_id": "parallel-activities:2:3",
            "parallel_group_kind": "activity",
            "parallel_group_base_sequence": 2,
            "parallel_group_size": 3,
            "parallel_group_index": index,
        }
        history.add(
            "ActivityCompleted",
            sequence=2 + index,
            activity_type="a",
            result=str(index),
            **group,
            parallel_group_path=[group],
        )
    assert result(three, history) == [0, 1, 2]


def test_members_may_arrive_one_by_one(recorded: Any) -> None:
    """A kept machine fed in odd order takes what a rebuilt one takes."""
    history = recorded().completed(4, "c").completed(2, "a").completed(3, "b")
    machine = Machine(answer(three), Start())
    for event in history:
        machine.feed([event])
    assert not machine.stale
    assert machine.commands() == [workflow.CompleteWorkflow(["a", "b", "c"])]
