"""Completions that a server would refuse for their size: told apart before they are sent."""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false
from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.errors import InvalidArgument, ServerError
from durable_workflow.worker import Worker
from durable_workflow.worker._limits import CompletionTooLarge, Limits, read_limits

PAYLOAD_LIMIT, REQUEST_LIMIT = 400, 5_000


@workflow.defn(name="large")
class Large:
    @workflow.update("grow")
    def grow(self, size: int) -> str:
        return "u" * size

    @workflow.update("shout")
    def shout(self, size: int) -> None:
        raise ValueError("s" * size)

    def run(self, ctx: Any, where: str) -> Generator[Any, Any, Any]:
        if where == "side effect":
            yield ctx.side_effect(lambda: "x" * 500)
        if where == "activity":
            yield [ctx.schedule_activity(name, ["x" * n]) for name, n in [("a", 5), ("b", 500)]]
        if where == "whole":
            yield [ctx.schedule_activity("c", ["x" * 200]) for _ in range(30)]
        if where == "raises":
            raise ValueError("x" * 3_000_000)
        if where == "waits":
            yield ctx.wait_condition(lambda: False)
        return "x" * 500


@pytest.fixture
async def worker(server: Any) -> Worker:
    server.info["structural_limits"] = {"payload_size_bytes": PAYLOAD_LIMIT}
    server.info["limits"] = {"max_payload_bytes": REQUEST_LIMIT}
    worker = Worker(server, task_queue="q", workflows=[Large])
    await worker._register()
    return worker


def _task(pack: Any, where: str, update: tuple[str, int] | None = None) -> dict[str, Any]:
    events: list[dict[str, Any]] = [
        {"event_type": "WorkflowStarted", "payload": {"clock": "event"}},
    ]
    if update is not None:
        accepted = {"update_id": "u", "update_name": update[0], "arguments": pack([update[1]])}
        events.append({"event_type": "UpdateAccepted", "payload": accepted})
    return {
        "task_id": "t",
        "workflow_id": "wf",
        "run_id": "run",
        "workflow_type": "large",
        "payload_codec": "avro",
        "arguments": pack([where]),
        "history_events": [{"sequence": n, **event} for n, event in enumerate(events, start=1)],
        "workflow_update_id": None if update is None else "u",
    }


def test_beside_a_result_commands_have_what_it_leaves_of_a_request() -> None:
    limits = Limits(payload_bytes=2**21, request_bytes=2**21)
    large = {"codec": "avro", "blob": "x" * 1_400_000}
    assert limits.has_room_beside(large)
    limits.check_beside(large, [{"type": "complete_workflow"}])
    fits = {"type": "complete_workflow", "result": {"codec": "avro", "blob": "x" * 500_000}}
    limits.check_beside(large, [fits])
    with pytest.raises(CompletionTooLarge, match="commands of this completion"):
        limits.check_beside(large, [fits, fits])
    assert not limits.has_room_beside({"codec": "avro", "blob": "x" * 1_900_000})
    assert not limits.has_room_beside(large | {"codec": "json"}), "all of it may be escaped"
    assert limits.has_room_beside({"codec": "avro", "external_storage": {"uri": "elsewhere"}})
    assert Limits().has_room_beside(large), "such a server says nothing"
    assert not Limits(None, 2**18).has_room_beside({"codec": "avro", "blob": ""})
    with pytest.raises(CompletionTooLarge, match="in one payload"):
        Limits(payload_bytes=499_999).check_beside(large, [fits])


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ("side effect", "commands.0 (record_side_effect): result of "),
        ("activity", "commands.1 (schedule_activity 'b'): arguments of "),
        ("result", "commands.0 (complete_workflow): result of "),
    ],
)
async def test_a_payload_over_the_limit_fails_the_task_and_names_the_command(
    server: Any, worker: Worker, pack: Any, where: str, named: str
) -> None:
    assert await worker._run_workflow_task(_task(pack, where)) is None
    assert server.count("complete_workflow_task") == 0
    (failed,) = server.calls["fail_workflow_task"]
    assert named in failed["message"]
    assert f"at most {PAYLOAD_LIMIT} bytes in one payload" in failed["message"]
    assert failed["failure_type"] == "CompletionTooLarge"


async def test_a_completion_over_the_limit_of_requests_fails_the_task(
    server: Any, worker: Worker, pack: Any
) -> None:
    assert await worker._run_workflow_task(_task(pack, "whole")) is None
    (failed,) = server.calls["fail_workflow_task"]
    assert "the 30 commands of this completion have " in failed["message"]
    assert f"at most {REQUEST_LIMIT} bytes in one request" in failed["message"]
    assert "(schedule_activity 'c')" in failed["message"]


async def test_an_update_result_over_the_limit_fails_the_update_alone(
    server: Any, worker: Worker, pack: Any
) -> None:
    commands = await worker._run_workflow_task(_task(pack, "waits", ("grow", 500)))
    assert commands is not None
    (command,) = commands
    assert command["type"] == "fail_update"
    assert command["message"].startswith("update result is too large: commands.0 (complete_update")
    assert command["exception_type"] == "CompletionTooLarge"
    assert server.count("fail_workflow_task") == 0


@pytest.mark.parametrize(
    "refusal",
    [
        InvalidArgument("Structural limit exceeded: payload_size 500 is over the limit of 400."),
        ServerError(413, {"reason": "payload_too_large"}),
    ],
    ids=lambda refusal: type(refusal).__name__,
)
async def test_an_update_result_that_the_server_refuses_fails_the_update_alone(
    server: Any, worker: Worker, pack: Any, refusal: Exception
) -> None:
    def refuse(**arguments: Any) -> None:
        if arguments["commands"][0]["type"] == "complete_update":
            raise refusal

    server.on["complete_workflow_task"] = refuse
    commands = await worker._run_workflow_task(_task(pack, "waits", ("grow", 5)))
    assert commands is not None
    assert commands[0]["type"] == "fail_update"
    assert commands[0]["message"].startswith("update result was refused: ")
    assert server.count("complete_workflow_task") == 2
    assert server.count("fail_workflow_task") == 0


async def test_an_update_that_the_server_refuses_altogether_fails_the_task_once(
    server: Any, worker: Worker, pack: Any
) -> None:
    def refuse(**arguments: Any) -> None:
        raise InvalidArgument("no")

    server.on["complete_workflow_task"] = refuse
    assert await worker._run_workflow_task(_task(pack, "waits", ("grow", 5))) is None
    assert server.count("complete_workflow_task") == 2
    assert server.count("fail_workflow_task") == 1


async def test_a_message_of_any_length_is_cut_down_to_what_can_be_sent(
    server: Any, pack: Any
) -> None:
    worker = Worker(server, task_queue="q", workflows=[Large])
    commands = await worker._run_workflow_task(_task(pack, "raises"))
    assert commands is not None
    assert commands[0]["type"] == "fail_workflow"
    assert len(commands[0]["message"]) < 100_000
    assert commands[0]["message"].endswith("... (3000000 characters)")
    commands = await worker._run_workflow_task(_task(pack, "waits", ("shout", 3_000_000)))
    assert commands is not None
    assert commands[0]["type"] == "fail_update"
    assert len(commands[0]["message"]) < 100_000


async def test_the_report_of_a_failure_is_cut_down_too(server: Any, pack: Any) -> None:
    worker = Worker(server, task_queue="q", workflows=[Large])

    def refuse(**arguments: Any) -> None:
        raise ServerError(400, {"message": "y" * 3_000_000})

    server.on["complete_workflow_task"] = refuse
    assert await worker._run_workflow_task(_task(pack, "result")) is None
    (failed,) = server.calls["fail_workflow_task"]
    assert len(failed["message"]) < 100_000
    assert len(failed["stack_trace"]) < 100_000


@pytest.mark.parametrize(
    "info",
    [
        {},
        {"structural_limits": None, "limits": []},
        {"structural_limits": {"payload_size_bytes": 0}, "limits": {"max_payload_bytes": "2"}},
        {"structural_limits": {"payload_size_bytes": True}},
    ],
)
def test_limits_that_are_not_announced_or_off_are_none(info: dict[str, Any]) -> None:
    assert read_limits(info) == Limits()
    Limits().check([{"type": "complete_workflow", "result": "x" * 3_000_000}])


def test_bytes_are_counted_and_not_characters() -> None:
    command = {"type": "complete_workflow", "result": {"codec": "json", "blob": "é" * 60}}
    Limits(payload_bytes=120).check([command])
    with pytest.raises(CompletionTooLarge):
        Limits(payload_bytes=119).check([command])


def test_a_payload_in_external_storage_has_no_size_here() -> None:
    stored = {"codec": "avro", "external_storage": {"size_bytes": 1_000_000}}
    Limits(payload_bytes=10).check([{"type": "complete_workflow", "result": stored}])


@pytest.mark.parametrize("message", ["no", "é" * 50, "x" * 100])
def test_short_messages_are_left_alone(message: str) -> None:
    command = {"type": "fail_workflow", "message": message}
    Limits(payload_bytes=100).shorten_messages([command])
    assert command["message"] == message


@pytest.mark.parametrize("message", ["é" * 51, "x" * 101, "\ud800" * 200])
def test_messages_are_cut_to_a_server_s_smaller_limit(message: str) -> None:
    command = {"type": "fail_workflow", "message": message}
    Limits(payload_bytes=100).shorten_messages([command])
    assert len(command["message"].encode()) <= 100
    assert command["message"].endswith(f"... ({len(message)} characters)")


def test_messages_are_always_utf8() -> None:
    command = {"type": "fail_workflow", "message": "é, and no file \udcff"}
    Limits().shorten_messages([command])
    assert command["message"] == "é, and no file \\udcff"


def test_the_largest_command_is_named_whatever_it_holds() -> None:
    commands = [
        {"type": "upsert_search_attributes", "attributes": {"Note": "x" * 5000}},
        {"type": "complete_workflow", "result": {"codec": "avro", "blob": "AAhudWxsAg=="}},
    ]
    largest = r"largest is commands\.0 \(upsert_search_attributes\): attributes of 5\d{3} bytes"
    with pytest.raises(CompletionTooLarge, match=largest):
        Limits(request_bytes=4000).check(commands)
