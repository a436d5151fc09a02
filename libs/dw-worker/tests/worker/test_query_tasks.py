"""What becomes of a query task, in every way it can go."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false
import asyncio
import itertools
import logging
from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow import workflow
from durable_workflow.errors import QueryFailed, ServerError
from durable_workflow.worker import Worker


@workflow.defn(name="asked")
class Asked:
    def __init__(self) -> None:
        self.names: list[str] = []
        self.seen = 0

    @workflow.signal("name")
    def name(self, name: str) -> None:
        self.names.append(name)

    @workflow.query("names")
    def ask_names(self, *more: str) -> list[str]:
        return [*self.names, *more]

    @workflow.query("later")
    async def later(self) -> list[str]:
        await asyncio.sleep(0)
        return self.names

    @workflow.query("live")
    def live(self) -> list[str]:
        return self.names

    @workflow.query("counts-itself")
    def counts_itself(self) -> int:
        self.seen += 1
        return self.seen

    @workflow.query("raises")
    def raises(self) -> None:
        raise LookupError("no such thing")

    @workflow.query("wordless")
    def wordless(self, kind: str, words: str) -> None:
        raise {"lookup": LookupError, "refusal": QueryFailed}[kind](words)

    @workflow.query("refuses")
    def refuses(self) -> None:
        raise QueryFailed("not now")

    @workflow.query("odd")
    def odd(self) -> object:
        return object()

    @workflow.query("spins")
    def spins(self) -> None:
        for _ in itertools.count():
            pass

    @workflow.update("rename")
    def rename(self, name: str) -> None: ...

    @workflow.update_validator("rename")
    def check_name(self, name: str) -> bool:
        if name == "raise":
            raise PermissionError("not that name")
        return name != "false"

    @workflow.update("free")
    def free(self) -> None: ...

    def run(self, ctx: Any, start: str = "start") -> Generator[Any, Any, None]:
        if start == "fail":
            raise ValueError("failed on purpose")
        self.names.append(start)
        self.names.append((yield ctx.schedule_activity("a", [])))
        try:
            yield ctx.wait_condition(lambda: False, key="for ever")
        finally:
            self.names.clear()  # no answer is to show what a machine does that is dropped


@pytest.fixture
def worker(server: Any) -> Worker:
    return Worker(server, task_queue="q", workflows=[Asked])


def _events(pack: Any) -> list[dict[str, Any]]:
    events = [
        ("WorkflowStarted", {"clock": "event"}),
        ("ActivityScheduled", {"sequence": 1, "activity_type": "a"}),
        ("ActivityCompleted", {"sequence": 1, "result": pack("result")}),
        ("ConditionWaitOpened",
         {"sequence": 2, "condition_wait_id": "w", "condition_key": "for ever"}),
    ]  # fmt: skip
    return [
        {"sequence": n, "event_type": kind, "payload": payload}
        for n, (kind, payload) in enumerate(events, start=1)
    ]


def _task(pack: Any, query: str = "names", *args: Any, **changes: Any) -> dict[str, Any]:
    return {
        "query_task_id": "qt",
        "query_task_attempt": 2,
        "workflow_id": "wf",
        "run_id": "run",
        "workflow_type": "asked",
        "query_name": query,
        "payload_codec": "avro",
        "workflow_arguments": pack(["begin"]),
        "query_arguments": pack(list(args)),
        "history_events": _events(pack),
        "last_history_sequence": 4,
    } | changes


def _failure(server: Any) -> dict[str, Any]:
    (failure,) = server.calls["fail_query_task"]
    assert failure["query_task_id"] == "qt"
    assert failure["query_task_attempt"] == 2
    return dict(failure)


async def test_a_query_is_answered_from_history(server: Any, worker: Worker, pack: Any) -> None:
    assert await worker._run_query_task(_task(pack, "names", "more")) == "completed"
    (sent,) = server.calls["complete_query_task"]
    assert sent == {
        "query_task_id": "qt",
        "lease_owner": worker.worker_id,
        "query_task_attempt": 2,
        "result": ["begin", "result", "more"],
        "codec": "avro",
        "workflow_id": "wf",
        "run_id": "run",
        "query_name": "names",
    }


async def test_an_awaitable_answer_is_awaited(server: Any, worker: Worker, pack: Any) -> None:
    assert await worker._run_query_task(_task(pack, "later")) == "completed"
    assert server.calls["complete_query_task"][0]["result"] == ["begin", "result"]


@pytest.mark.parametrize(
    ("changes", "reason", "message"),
    [
        ({"payload_codec": "php"}, "query_payload_decode_failed", "php"),
        ({"query_arguments": "???"}, "query_payload_decode_failed", ""),
        ({"workflow_arguments": "???"}, "query_payload_decode_failed", ""),
        (
            {"workflow_type": "nobody"},
            "query_workflow_type_not_registered",
            "no workflow registered for type 'nobody'",
        ),
        ({"query_name": "nothing"}, "rejected_unknown_query", "unknown query 'nothing'"),
        ({"query_name": "raises"}, "query_rejected", "no such thing"),
        ({"query_name": "refuses"}, "query_rejected", "not now"),
        ({"query_name": "odd"}, "query_result_encode_failed", "query result of query 'odd'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_query_that_has_no_answer_says_why(
    server: Any, worker: Worker, pack: Any, changes: dict[str, Any], reason: str, message: str
) -> None:
    assert await worker._run_query_task(_task(pack) | changes) == "failed"
    failure = _failure(server)
    assert failure["reason"] == reason
    assert message in failure["message"]
    if reason == "query_workflow_type_not_registered":
        assert failure["failure_type"] == "WorkflowTypeNotRegistered"


async def test_a_query_that_never_ends_is_stopped(server: Any, pack: Any) -> None:
    worker = Worker(server, task_queue="q", workflows=[Asked], workflow_deadline_seconds=0.2)
    assert await worker._run_query_task(_task(pack) | {"query_name": "spins"}) == "failed"
    failure = _failure(server)
    assert failure["reason"] == "query_rejected"
    assert "more than 0.2 s" in failure["message"]


async def test_a_kept_machine_is_not_shown_what_is_not_recorded(
    server: Any, worker: Worker, pack: Any
) -> None:
    first = {"task_id": "t", "workflow_task_attempt": 1, "arguments": pack(["begin"])}
    await worker._run_workflow_task(_task(pack) | first)
    told = {"signal_name": "name", "arguments": pack(["told"])}
    buffered = {"sequence": 5, "event_type": "SignalReceived", "payload": told}
    events = [*_events(pack), buffered]
    shown: dict[str, Any] = {"history_events": events, "last_history_sequence": 5}
    shown["buffered_after_sequence"] = 4
    for changes, names in ((shown, ["told"]), ({}, [])):
        assert await worker._run_query_task(_task(pack, **changes)) == "completed"
        sent = server.calls["complete_query_task"].pop()
        assert sent["result"] == ["begin", "result", *names]


@pytest.mark.parametrize("spoil", ["non-determinism", "failure"])
async def test_a_query_needs_a_replay_that_succeeds(
    server: Any, worker: Worker, pack: Any, spoil: str
) -> None:
    task = _task(pack)
    if spoil == "failure":
        task["workflow_arguments"] = pack(["fail"])
        task["history_events"] = task["history_events"][:1]
    else:
        task["history_events"][2]["event_type"] = "TimerFired"
    assert await worker._run_query_task(task) == "failed"
    failure = _failure(server)
    assert failure["reason"] == "query_workflow_state_unavailable"
    assert failure["message"].startswith("workflow replay failed before query: ")


@pytest.mark.parametrize(
    "reason",
    ["lease_expired", "query_task_not_found", "query_task_not_leased", "query_task_timed_out"],
)
async def test_a_query_that_has_ended_is_not_failed(
    server: Any, worker: Worker, pack: Any, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(**_: Any) -> None:
        raise ServerError(409, {"reason": reason})

    caplog.set_level(logging.INFO, "durable_workflow.worker")
    server.on["complete_query_task"] = refuse
    server.on["fail_query_task"] = refuse
    assert await worker._run_query_task(_task(pack)) == "expired"
    assert server.count("fail_query_task") == 0
    assert await worker._run_query_task(_task(pack, "raises")) == "failed"
    assert {record.levelno for record in caplog.records} == {logging.INFO}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ServerError(422, {"reason": "payload_too_large"}), "payload_too_large"),
        (ConnectionError("gone"), "query_result_completion_failed"),
    ],
)
async def test_a_refused_answer_is_failed_with_the_servers_reason(
    server: Any, worker: Worker, pack: Any, error: Exception, reason: str
) -> None:
    def refuse(**_: Any) -> None:
        raise error

    server.on["complete_query_task"] = refuse
    assert await worker._run_query_task(_task(pack)) == "failed"
    assert _failure(server)["reason"] == reason


@pytest.mark.parametrize("words", ["", " \n"], ids=repr)
@pytest.mark.parametrize(
    ("kind", "message"), [("lookup", "query 'wordless' failed"), ("refusal", "QueryFailed")]
)
async def test_a_handler_that_raises_without_words_is_reported_in_some(
    server: Any, worker: Worker, pack: Any, kind: str, message: str, words: str
) -> None:
    # Servers refuse a failure that says nothing, and the query would wait for its time-out.
    assert await worker._run_query_task(_task(pack, "wordless", kind, words)) == "failed"
    assert _failure(server)["message"] == message


async def test_a_report_that_breaks_without_words_is_named_by_its_class(
    server: Any, worker: Worker, pack: Any
) -> None:
    def refuse(**_: Any) -> None:
        raise ConnectionResetError

    server.on["complete_query_task"] = refuse
    assert await worker._run_query_task(_task(pack)) == "failed"
    assert _failure(server)["message"] == "ConnectionResetError"


# --- kept machines ------------------------------------------------------------------------


async def _keep(worker: Worker, pack: Any, events: int = 3) -> None:
    """Let the worker serve the run up to its wait, and mark the machine that it keeps."""
    await worker._run_workflow_task(
        {
            "task_id": "t",
            "run_id": "run",
            "workflow_type": "asked",
            "payload_codec": "avro",
            "arguments": pack(["begin"]),
            "history_events": _events(pack)[:events],
        }
    )
    (kept,) = worker._machines._kept.values()
    kept.machine.instance.names[0] = "kept"


async def test_a_kept_machine_answers_and_stays(server: Any, worker: Worker, pack: Any) -> None:
    await _keep(worker, pack)
    for _ in range(2):
        await worker._run_query_task(_task(pack))
    assert [c["result"] for c in server.calls["complete_query_task"]] == [["kept", "result"]] * 2
    assert len(worker._machines) == 1


@pytest.mark.parametrize("arguments", [["other"], []], ids=repr)
async def test_a_kept_machine_does_not_answer_for_another_run_of_its_id(
    server: Any, worker: Worker, pack: Any, arguments: list[str]
) -> None:
    await _keep(worker, pack)
    await worker._run_query_task(_task(pack, workflow_arguments=pack(arguments)))
    (answer,) = server.calls["complete_query_task"]
    assert answer["result"] == [*(arguments or ["start"]), "result"]


async def test_an_answer_shares_nothing_with_the_kept_machine(
    server: Any, worker: Worker, pack: Any
) -> None:
    # The run's next task may change the list while it is being encoded.
    await _keep(worker, pack)
    await worker._run_query_task(_task(pack, "live"))
    (kept,) = worker._machines._kept.values()
    kept.machine.instance.names.append("later")
    assert server.calls["complete_query_task"][0]["result"] == ["kept", "result"]


async def test_an_answer_that_has_yet_to_look_at_the_state_has_the_machine_for_itself(
    server: Any, worker: Worker, pack: Any
) -> None:
    await _keep(worker, pack)
    await worker._run_query_task(_task(pack, "later"))
    assert server.calls["complete_query_task"][0]["result"] == ["kept", "result"]
    assert len(worker._machines) == 0


@pytest.mark.parametrize("query", ["live", "later"])
async def test_an_answer_shows_nothing_of_a_replay_that_is_dropped(
    server: Any, worker: Worker, pack: Any, query: str
) -> None:
    await worker._run_query_task(_task(pack, query))
    assert server.calls["complete_query_task"][0]["result"] == ["begin", "result"]


async def test_a_query_that_changes_the_state_changes_nothing(
    server: Any, worker: Worker, pack: Any
) -> None:
    await _keep(worker, pack)
    for _ in range(2):
        await worker._run_query_task(_task(pack, "counts-itself"))
    assert [c["result"] for c in server.calls["complete_query_task"]] == [1, 1]
    assert len(worker._machines) == 0


async def test_events_that_no_task_has_seen_are_not_fed_to_a_kept_machine(
    server: Any, worker: Worker, pack: Any
) -> None:
    await _keep(worker, pack)
    task = _task(pack, last_history_sequence=5)
    signal = {"signal_name": "name", "arguments": pack(["signalled"])}
    task["history_events"].append(
        {"sequence": 5, "event_type": "SignalReceived", "payload": signal}
    )
    await worker._run_query_task(task)
    assert server.calls["complete_query_task"][0]["result"] == ["begin", "result", "signalled"]
    assert len(worker._machines) == 1


async def test_a_kept_machine_that_signals_cannot_move_is_fed_them(
    server: Any, worker: Worker, pack: Any
) -> None:
    await _keep(worker, pack, events=2)  # up to its activity
    task = _task(pack, history_events=_events(pack)[:2], last_history_sequence=3)
    signal = {"signal_name": "name", "arguments": pack(["signalled"])}
    task["history_events"].append(
        {"sequence": 3, "event_type": "SignalReceived", "payload": signal}
    )
    for _ in range(2):
        await worker._run_query_task(task)
    answers = [call["result"] for call in server.calls["complete_query_task"]]
    assert answers == [["kept", "signalled"]] * 2
    assert len(worker._machines) == 1


async def test_a_kept_machine_needs_only_the_end_of_the_history(
    server: Any, worker: Worker, pack: Any
) -> None:
    await _keep(worker, pack)
    end = _task(pack, history_events=_events(pack)[3:], history_after_sequence=3)
    assert await worker._run_query_task(end) == "completed"
    assert server.calls["complete_query_task"][0]["result"] == ["kept", "result"]


async def test_the_end_of_a_history_is_given_back_without_a_kept_machine(
    server: Any, worker: Worker, pack: Any
) -> None:
    end = _task(pack, history_events=_events(pack)[3:], history_after_sequence=3)
    assert await worker._run_query_task(end) == "expired"
    assert _failure(server)["reason"] == "query_history_needed"


# --- validation of updates ----------------------------------------------------------------


def _validation(pack: Any, update: str, *args: Any) -> dict[str, Any]:
    task = _task(pack, task_kind="update_validation", update_name=update)
    del task["query_name"], task["query_arguments"]
    return task | {"arguments": pack(list(args))}


@pytest.mark.parametrize("kept", [False, True])
async def test_a_validator_accepts(server: Any, worker: Worker, pack: Any, kept: bool) -> None:
    if kept:
        await _keep(worker, pack)
    assert await worker._run_query_task(_validation(pack, "rename", "fine")) == "completed"
    assert await worker._run_query_task(_validation(pack, "free")) == "completed"
    answers = [call["result"] for call in server.calls["complete_query_task"]]
    assert answers == [{"accepted": True}, {"accepted": True}]


@pytest.mark.parametrize("kept", [False, True])
async def test_arguments_that_do_not_decode_are_no_verdict_and_name_the_update(
    server: Any, worker: Worker, pack: Any, kept: bool
) -> None:
    if kept:
        await _keep(worker, pack)
    task = _validation(pack, "rename") | {"arguments": {"codec": "json", "blob": "{half"}}
    assert await worker._run_query_task(task) == "failed"
    failure = _failure(server)
    assert "cannot decode arguments of update 'rename' with codec 'json'" in failure["message"]
    assert failure["failure_type"] == "WorkflowPayloadDecodeError"
    # Another worker may have the codec, so this one does not speak for the validator.
    assert failure["reason"] == "query_payload_decode_failed"
    # The worker and its machine go on.
    assert await worker._run_query_task(_validation(pack, "rename", "fine")) == "completed"


@pytest.mark.parametrize(
    ("update", "args", "message"),
    [
        ("rename", ["raise"], "not that name"),
        ("rename", ["false"], "update validator 'rename' returned false"),
        ("rename", [], "missing 1 required positional argument"),
        ("nothing", [], "unknown update 'nothing'"),
    ],
)
async def test_a_validator_rejects_with_its_message(
    server: Any, worker: Worker, pack: Any, update: str, args: list[str], message: str
) -> None:
    assert await worker._run_query_task(_validation(pack, update, *args)) == "failed"
    failure = _failure(server)
    assert message in failure["message"]
    assert failure["reason"] == "update_rejected"


# --- exports ------------------------------------------------------------------------------


async def test_what_events_lack_is_filled_in_from_the_export(
    server: Any, worker: Worker, pack: Any
) -> None:
    inline = _events(pack)
    del inline[2]["payload"]["result"]
    exported: list[dict[str, Any]] = [
        {"sequence": e["sequence"], "type": e["event_type"], "payload": e["payload"]}
        for e in inline
    ]
    for number, payload in enumerate(
        (
            {"signal_name": "name", "signal_id": "s1"},
            {"signal_name": "name", "workflow_command_id": "c2"},
            {"signal_name": "name", "arguments": ""},
            {"signal_name": "name", "arguments": pack(["own"])},
        ),
        start=5,
    ):
        exported.append({"sequence": number, "type": "SignalReceived", "payload": payload})
    signals = [
        {"id": "s0", "command_id": "c0", "name": "name", "arguments": pack(["next"])["blob"]},
        {"id": "s1", "command_id": "c1", "name": "name", "arguments": pack(["by id"])["blob"]},
        {"id": "s2", "command_id": "c2", "name": "name", "arguments": pack(["command"])["blob"]},
    ]
    export = {
        "history_events": exported,
        "payloads": {"codec": "avro"},
        "activities": [{"sequence": 1, "result": pack("exported")["blob"], "payload_codec": ""}],
        "signals": [{**signal, "payload_codec": "avro"} for signal in signals],
    }
    task = _task(pack, payload_codec=None, history_events=inline, history_export=export)
    task["last_history_sequence"] = None
    await worker._run_query_task(task)
    assert server.calls["complete_query_task"][0]["result"] == [
        "begin", "exported", "by id", "command", "next", "own",
    ]  # fmt: skip


async def test_a_shorter_export_only_fills_in(server: Any, worker: Worker, pack: Any) -> None:
    task = _task(pack, history_export={"history_events": [], "activities": "none"})
    assert await worker._run_query_task(task) == "completed"
