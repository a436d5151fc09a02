"""One stream of a worker: its reports, signs of life and end, whichever carrier brings them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

import msgspec

from durable_workflow._wire.names import ATTEMPT_FIELDS, TASK_ID_FIELDS
from durable_workflow.server.api.calls import Call, Pace
from durable_workflow.server.api.held_lists import attempts_of, stored_tasks
from durable_workflow.server.api.operations import Operation
from durable_workflow.server.api.roles import WORKERS
from durable_workflow.server.dispatch.streams import Stream
from durable_workflow.server.figures import RequestFigures
from durable_workflow.server.notices import TaskKind
from durable_workflow.server.refusals import Refused
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    CompleteActivityAhead,
    HeldTask,
    SignOfLife,
    StreamSlots,
)
from durable_workflow.server.services import activity_tasks, decided
from durable_workflow.server.services import streams as services
from durable_workflow.server.services import workers as worker_services
from durable_workflow.server.store import StoreError
from durable_workflow.server.views.history import PAGE_BYTES

if TYPE_CHECKING:
    from durable_workflow.server.api.streams import WorkerStreams
    from durable_workflow.server.records.workers import Worker
    from durable_workflow.server.service_settings import ServiceSettings
    from durable_workflow.server.store.protocol import Tx

T = TypeVar("T")

_log = logging.getLogger(__name__)

# Why a report may be refused that was taken before.
_OVER: Final = frozenset(
    {
        "task_not_found",
        "task_not_leased",
        "run_closed",
        "run_cancelled",
        "run_terminated",
        "stale_attempt",
        "workflow_task_attempt_mismatch",
        "lease_owner_mismatch",
    }
)
# So many commands take a few milliseconds: more have turns of their own, behind the result.
_MOST_COMMANDS_AHEAD: Final = 100
# The worker goes on without the acknowledgement: what it waits for is the next task.
_UNHURRIED: Final = frozenset({"complete_activity_task", "fail_activity_task"})
_NOTHING_SAID: Final = SignOfLife()
# Close codes are 4000 and the status that HTTP would have.
GONE: Final = 4412


class Door(Protocol):
    """What streams need of the api.

    Attributes:
        requests: Counts what workers report.
    """

    requests: RequestFigures

    @property
    def operations(self) -> Mapping[str, Operation[Any]]:
        """All operations, by name."""
        ...

    def read(self, asks: type[T], call: Call) -> T:
        """Read what a call asks for."""
        ...

    async def ask(self, operation: Operation[Any], call: Call) -> Reply:
        """Read what a call asks for, and have it done."""
        ...


class WorkerStream:
    """One stream that is open.

    Attributes:
        welcome: The members of the first answer.
        leave_when_idle: Close once the worker has reported everything.
    """

    def __init__(
        self,
        streams: WorkerStreams,
        stream: Stream,
        call: Call,
        worker: Worker,
        welcome: dict[str, Any],
        unacknowledged: set[tuple[str, str, int | str]],
    ) -> None:
        self.worker = worker
        self.welcome = welcome
        self.leave_when_idle = False
        self._streams = streams
        self._stream = stream
        self._call = call
        self._unacknowledged = unacknowledged
        self._complete_ahead = Operation(
            "complete_activity_task", WORKERS, CompleteActivityAhead, self._decide
        )

    def begin(self) -> None:
        """The welcome was sent: tasks may follow."""
        self._streams.check_namespace(self._stream)
        self._streams.look_for(self._stream)

    def _operation(self, name: str) -> Operation[Any]:
        return self._streams.door.operations[name]

    def operation(self, verb: str, kind: TaskKind) -> str:
        """The operation that a report asks for."""
        return f"{verb}_{kind}_task"

    async def report(
        self,
        verb: str,
        kind: TaskKind,
        task_id: str,
        message: Mapping[str, Any],
        pace: Pace | None = None,
    ) -> Reply:
        """Complete, fail or heartbeat a task, as over HTTP.

        What is reported takes no slot any more, whether the report is accepted or not.

        Args:
            pace: How a large message is read.
        """
        attempt = message.get("attempt")
        operation = self._operation(self.operation(verb, kind))
        if message.get("ahead") is not None and operation.name == "complete_activity_task":
            operation = self._complete_ahead
        ends = verb != "heartbeat"
        if ends and isinstance(attempt, (int, str)):
            self._give_back(kind, task_id, attempt, message.get("took_us"))
        members = {"lease_owner": self.worker.worker_id, ATTEMPT_FIELDS[kind]: attempt}
        try:
            names = {TASK_ID_FIELDS[kind]: task_id}
            reply = await self._ask(operation, message, members, names, pace)
        except Refused as refused:
            if ends and refused.reason in _OVER and await self._was_taken(kind, task_id, attempt):
                return Reply({"recorded": True})
            raise
        if ends and reply.reason in _OVER and await self._was_taken(kind, task_id, attempt):
            return Reply({"recorded": True})
        if ends and reply.reason is None and isinstance(attempt, (int, str)):
            self._unacknowledged.discard((kind, task_id, attempt))
        return reply

    async def history(self, task_id: str, message: Mapping[str, Any]) -> Reply:
        """A page of the history of a workflow task."""
        members = {
            "lease_owner": self.worker.worker_id,
            "workflow_task_attempt": message.get("attempt"),
            "next_history_page_token": message.get("token"),
            "history_page_bytes": PAGE_BYTES,
        }
        if "claim" in message:
            # The task may have left before its commit: what is read has to hold it.
            members["claim"] = message["claim"]
            await self._streams.store.run(_nothing)
        return await self._ask(
            self._operation("read_workflow_task_history"), {}, members, {"task_id": task_id}
        )

    def alive_at_once(self, message: Mapping[str, Any]) -> Reply | None:
        """A sign of life of a worker that has nothing; None where there is more to do (`alive`)."""
        if message.get("held") or not self._stream.is_idle():
            return None
        says_more = "heartbeat_interval_seconds" in message
        if says_more or not isinstance(message.get("held"), list | None) or not self._is_alone():
            return None
        return self._note_alive(message)

    async def alive(self, message: Mapping[str, Any]) -> Reply:
        """A sign of life; what was sent stays leased, whether the worker names it or not."""
        named = message.get("held")
        held = stored_tasks(named)
        attempts = attempts_of(held)
        kinds: tuple[TaskKind, ...] = ("workflow", "activity")
        held += [
            {"kind": kind, "task_id": task_id, "attempt": attempt}
            for kind in kinds
            for task_id, attempt in self._stream.tasks(kind)
            if (task_id, attempt) not in attempts
        ]
        members = {
            "worker_id": self.worker.worker_id,
            "session": self.worker.session,
            "held_tasks": held if named is None or isinstance(named, list) else named,
            "wait_seconds": None,
        }
        reply = await self._ask(self._operation("heartbeat_worker"), message, members, {})
        known = {task_id for task_id, _ in attempts}
        reply.body["dropped"] = [each for each in reply.body["dropped"] if each in known]
        return reply

    def _is_alone(self) -> bool:
        """Whether no other session is known under the id, so that there is nothing to warn of."""
        alone = self._streams.dispatcher.streams.is_alone(self._stream)
        return alone and "warnings" not in self.welcome

    def _note_alive(self, message: Mapping[str, Any]) -> Reply:
        """A sign of life of a worker that has nothing: it is written with those of others."""
        worker, settings = self.worker, self._streams.settings
        sign = _NOTHING_SAID
        if "process_metrics" in message or "task_slots" in message:
            sign = self._streams.door.read(SignOfLife, self._part(message, {}))
        self._streams.signs_of_life.note(worker, sign)
        self._streams.door.requests.note_report("heartbeat_worker", None)
        interval = worker.heartbeat_interval
        return Reply(
            {
                "worker_id": worker.worker_id,
                "acknowledged": True,
                "heartbeat_interval_seconds": interval,
                "stale_after_seconds": settings.stale_after(interval),
                "dropped": [],
            }
        )

    async def seen(self) -> None:
        """Note a sign of life that was asked for."""
        worker, settings = self.worker, self._streams.settings

        def note(tx: Any) -> None:
            worker_services.seen_by_lease(
                tx, worker.namespace, worker.worker_id, worker.session, settings
            )

        await self._streams.store.run(note)

    def resize(self, message: Mapping[str, Any]) -> None:
        """Take new numbers of slots; zeros let the worker drain."""
        slots = self._streams.door.read(StreamSlots, self._part(message, {}))
        self._stream.slots = slots_of(slots)
        self._streams.look_for(self._stream)

    async def say_goodbye(self) -> None:
        """Nothing more will be reported: free what the worker holds."""
        if self._streams.detach(self._stream):
            self._streams.count("closed")
            await self._note_end(services.say_goodbye)

    async def lost(self) -> None:
        """The connection ended. Of one that has been replaced nothing follows."""
        if self._streams.detach(self._stream):
            self._streams.count("lost")
            if not self._streams.dispatcher.closed:
                await self.end()

    async def end(self) -> None:
        """Have the worker missed, unless it comes back."""
        await self._note_end(services.end_stream)

    async def _note_end(self, work: Callable[[Tx, Worker, ServiceSettings], None]) -> None:
        settings = self._streams.settings
        try:
            await self._streams.store.run(lambda tx: work(tx, self.worker, settings))
        except StoreError as error:
            # Its leases are free when its heartbeats have been missed.
            _log.warning("the end of a stream could not be noted: %s", error)

    def room(self) -> None:
        """The peer has read what was sent: it may be sent more."""
        self._streams.look_for(self._stream)

    def close_if_idle(self) -> None:
        """Close where nothing is left to be reported by a worker that is not wanted any more."""
        if self.leave_when_idle and self._stream.is_idle():
            self._stream.sink.close(GONE, "the worker is not registered any more")

    def _give_back(self, kind: TaskKind, task_id: str, attempt: int | str, took_us: object) -> None:
        had = self._streams.dispatcher.streams.give_back(self._stream, kind, task_id, attempt)
        if had:
            self._streams.dispatcher.placement.choices.note_took(self._stream, kind, took_us)
            self._streams.look_for(self._stream)

    async def _was_taken(self, kind: TaskKind, task_id: str, attempt: object) -> bool:
        """Whether a report that was never acknowledged was taken before the stream was cut."""
        if not isinstance(attempt, int | str):
            return False
        if (kind, task_id, attempt) not in self._unacknowledged:
            return False
        self._unacknowledged.discard((kind, task_id, attempt))
        task = HeldTask(kind=kind, task_id=task_id, attempt=attempt)
        return await self._streams.store.read(
            lambda read: services.is_reported(read, self.worker, task)
        )

    async def _decide(self, call: Call, asked: CompleteActivityAhead) -> Reply:
        """Take a result with what follows from it, or alone where that is not possible."""
        store, settings, namespace = self._streams.store, self._streams.settings, call.namespace
        many = len(asked.ahead.commands) > _MOST_COMMANDS_AHEAD
        if not many and not self._stream.draining:
            worker = self.worker
            try:
                return await store.run(
                    lambda tx: decided.complete(tx, namespace, asked, worker, settings)
                )
            except decided.NotTaken:
                _log.debug("the run of activity task %s has to be asked", asked.task_id)
        return await store.run(
            lambda tx: activity_tasks.complete(tx, namespace, asked, settings), unhurried=True
        )

    async def _ask(
        self,
        operation: Operation[Any],
        message: Mapping[str, Any],
        members: Mapping[str, Any],
        names: Mapping[str, str],
        pace: Pace | None = None,
    ) -> Reply:
        door = self._streams.door
        unhurried = operation.name in _UNHURRIED
        call = self._part({**message, **members}, names, unhurried=unhurried, pace=pace)
        try:
            reply = await door.ask(operation, call)
        except Exception as error:
            door.requests.note_report(operation.name, _reason(error))
            raise
        door.requests.note_report(operation.name, reply.reason)
        return reply

    def _part(
        self,
        document: Mapping[str, Any],
        names: Mapping[str, str],
        *,
        unhurried: bool = False,
        pace: Pace | None = None,
    ) -> Call:
        return msgspec.structs.replace(
            self._call, document=document, names=names, unhurried=unhurried, pace=pace
        )


def _nothing(tx: Tx) -> None:
    del tx


def _reason(error: Exception) -> str:
    return error.reason if isinstance(error, Refused) else "server_error"


def slots_of(slots: StreamSlots) -> dict[TaskKind, int]:
    """How many tasks of each kind a message asks for."""
    return {"workflow": slots.workflow, "activity": slots.activity, "query": slots.query}
