"""A server without HTTP: the services over a real store, with a clock that is told."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import msgspec
import pytest

from durable_workflow.server.clock import ManualClock
from durable_workflow.server.engine import tasks
from durable_workflow.server.engine.decision import Decision
from durable_workflow.server.engine.limits import Limits
from durable_workflow.server.records import fairness
from durable_workflow.server.records.fairness import QueueKey
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    ActivityFailure,
    Caller,
    CloseWorkflow,
    CompleteActivityTask,
    CompleteWorkflowTask,
    FailActivityTask,
    FailWorkflowTask,
    HeartbeatActivityTask,
    HistoryPage,
    ListWorkflows,
    Payload,
    PollTask,
    ReadHistory,
    RegisterWorker,
    SignalWorkflow,
    StartWorkflow,
    TaskFailure,
    TaskOwner,
    UpdateWorkflow,
)
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.services import (
    activity_claims,
    activity_tasks,
    due,
    ends,
    namespaces,
    signals,
    updates,
    workers,
    workflow_claims,
    workflow_tasks,
    workflows,
)
from durable_workflow.server.services.unit import Unit
from durable_workflow.server.store.protocol import Key, Read, Store, Tx
from durable_workflow.server.store.sqlite import SqliteStore
from durable_workflow.server.store.statements import load_statements
from durable_workflow.server.views import describing, history, lists

T = TypeVar("T")
Json = dict[str, Any]


def blob(text: str) -> Json:
    """An envelope of the `json` codec."""
    return {"codec": "json", "blob": text}


class Server:
    """The services of one store, as a worker and a client would use them."""

    def __init__(self, store: Store, clock: ManualClock) -> None:
        self.store = store
        self.clock = clock
        self.settings = ServiceSettings()
        self.caller = Caller(namespace="default")
        self.queue = "q"

    def limit(self, **limits: int) -> None:
        """Change limits."""
        self.settings = msgspec.structs.replace(self.settings, limits=Limits(**limits))

    def configure(self, **settings: Any) -> None:
        """Change settings."""
        self.settings = msgspec.structs.replace(self.settings, **settings)

    async def run(self, service: Callable[..., T], *arguments: Any) -> T:
        """One unit of work of a service that takes the settings last."""

        def work(tx: Tx) -> T:
            return service(tx, *arguments, self.settings)

        return await self.store.run(work)

    async def open(self) -> Server:
        await self.store.run(lambda tx: namespaces.ensure_default(tx, "default"))
        await self.register()
        return self

    async def register(self, worker_id: str = "w", **fields: Any) -> Json:
        given: Json = {"worker_id": worker_id, "task_queue": self.queue, "runtime": "python"}
        request = RegisterWorker(**given | fields)
        answer = await self.run(workers.register, "default", request)
        return answer.body

    async def start(self, workflow_id: str | None = "wf", **fields: Any) -> Reply:
        given: Json = {
            "workflow_type": "flow",
            "workflow_id": workflow_id,
            "task_queue": self.queue,
            "arguments": Payload("json", "[1]"),
        }
        request = StartWorkflow(**given | fields)
        return await self.run(workflows.start, self.caller, request)

    async def poll(self, worker_id: str = "w", **fields: Any) -> Json | None:
        given: Json = {"worker_id": worker_id, "task_queue": self.queue}
        request = PollTask(**given | fields)
        task = await self.run(workflow_claims.claim, "default", request)
        return None if task is None else decode(task)

    async def task(self, worker_id: str = "w", **fields: Any) -> Json:
        task = await self.poll(worker_id, **fields)
        assert task is not None, "there is no workflow task"
        return task

    async def wake(self, workflow_id: str = "wf") -> None:
        """Have the run looked at although nothing happened, as a repair would."""
        run_id = (await self.describe(workflow_id))["run_id"]

        def work(tx: Tx) -> None:
            unit = Unit(tx, self.settings)
            decision = Decision(unit.run(run_id), tx.now, tx.new_id)
            tasks.wake(decision)
            unit.apply(decision)
            unit.finish()

        await self.store.run(work)

    async def poll_is_ready(self) -> bool:
        """Whether a workflow task could be claimed now. Claims nothing."""
        key = QueueKey("workflow", "default", self.queue)

        def look(read: Read) -> bool:
            found = fairness.ready(read, key, above=-1, first="", most=1)
            return any(each.available_at <= read.now for each in found)

        return await self.store.read(look)

    async def give_back(self, task: Json) -> None:
        await self.run(workflow_tasks.give_back, "default", task)

    async def complete(self, task: Json, *commands: Json, keep_history: bool = False) -> Reply:
        request = CompleteWorkflowTask(
            owner=owner(task), commands=list(commands), keep_history=keep_history
        )
        return await self.store.run_in_slices(
            lambda tx: workflow_tasks.complete(tx, "default", request, self.settings)
        )

    async def fail(
        self, task: Json, message: str = "it broke", error_type: str | None = None
    ) -> Reply:
        request = FailWorkflowTask(
            owner=owner(task), failure=TaskFailure(message=message, type=error_type)
        )
        return await self.run(workflow_tasks.fail, "default", request)

    async def decide(self, *commands: Json, worker_id: str = "w") -> Reply:
        """Claim the next workflow task and complete it."""
        answer = await self.complete(await self.task(worker_id), *commands)
        assert answer.reason is None, answer.body
        return answer

    async def history_page(self, task: Json, token: str, page_size: int | None = None) -> Json:
        """A page of the history of a task that is leased."""
        request = HistoryPage(owner=owner(task), token=token, page_size=page_size)
        page: Json = decode(await self.run(workflow_tasks.history_page, "default", request))
        return page

    async def poll_activity(self, worker_id: str = "w", **fields: Any) -> Json | None:
        given: Json = {"worker_id": worker_id, "task_queue": self.queue}
        request = PollTask(**given | fields)
        task = await self.run(activity_claims.claim, "default", request)
        return None if task is None else decode(task)

    async def activity(self, worker_id: str = "w", **fields: Any) -> Json:
        task = await self.poll_activity(worker_id, **fields)
        assert task is not None, "there is no activity task"
        return task

    async def give_back_activity(self, task: Json) -> None:
        await self.run(activity_tasks.give_back, "default", task)

    async def complete_activity(self, task: Json, result: Any = None) -> Reply:
        request = CompleteActivityTask(
            task_id=task["task_id"],
            activity_attempt_id=task["activity_attempt_id"],
            lease_owner=task["lease_owner"],
            result=blob("1") if result is None else result,
        )
        return await self.run(activity_tasks.complete, "default", request)

    async def fail_activity(self, task: Json, message: str = "no", **failure: Any) -> Reply:
        request = FailActivityTask(
            task_id=task["task_id"],
            activity_attempt_id=task["activity_attempt_id"],
            lease_owner=task["lease_owner"],
            failure=ActivityFailure(message=message, **failure),
        )
        return await self.run(activity_tasks.fail, "default", request)

    async def beat(self, task: Json, **progress: Any) -> Reply:
        request = HeartbeatActivityTask(
            task_id=task["task_id"],
            activity_attempt_id=task["activity_attempt_id"],
            lease_owner=task["lease_owner"],
            **progress,
        )
        return await self.run(activity_tasks.heartbeat, "default", request)

    async def signal(
        self,
        name: str = "go",
        arguments: str | None = None,
        workflow_id: str = "wf",
        run_id: str | None = None,
        request_id: str | None = None,
    ) -> Reply:
        request = SignalWorkflow(
            workflow_id=workflow_id,
            request_id=request_id,
            run_id=run_id,
            signal_name=name,
            arguments=None if arguments is None else Payload("json", arguments),
        )
        return await self.run(signals.signal, self.caller, request)

    async def update(
        self, name: str, arguments: str | None = None, request_id: str | None = None
    ) -> Reply:
        request = UpdateWorkflow(
            workflow_id="wf",
            update_name=name,
            arguments=None if arguments is None else Payload("json", arguments),
            request_id=request_id,
        )
        return await self.run(updates.accept, self.caller, request)

    async def update_now(self, update_id: str) -> Reply:
        request = UpdateWorkflow(workflow_id="wf", update_name="add")
        return await self.store.read(lambda read: updates.read(read, "default", update_id, request))

    async def close(self, verb: str, workflow_id: str, reason: str | None = None) -> Reply:
        request = CloseWorkflow(workflow_id=workflow_id, reason=reason)
        service = {"cancel": ends.cancel, "terminate": ends.terminate}[verb]
        return await self.run(service, self.caller, request)

    async def describe(self, workflow_id: str = "wf", run_id: str | None = None) -> Json:
        return await self.store.read(
            lambda read: describing.describe(read, "default", workflow_id, run_id)
        )

    async def listed(self, **filters: Any) -> Json:
        request = ListWorkflows(**filters)
        return await lists.list_workflows(self.store, "default", request)

    async def runs(self, workflow_id: str = "wf") -> Json:
        return await self.store.read(
            lambda read: describing.list_runs(read, "default", workflow_id)
        )

    async def page(self, **fields: Any) -> Json:
        request = ReadHistory(**fields)
        found = await history.page(self.store, "default", request)
        body: Json = decode(found)
        return body

    async def events(self, workflow_id: str = "wf", run_id: str | None = None) -> list[Json]:
        """The history of a run, which is always dense."""
        known: str = run_id or (await self.describe(workflow_id))["run_id"]
        page = await self.page(workflow_id=workflow_id, run_id=known)
        events: list[Json] = page["events"]
        assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
        return events

    async def types(self, workflow_id: str = "wf", run_id: str | None = None) -> list[str]:
        return [event["event_type"] for event in await self.events(workflow_id, run_id)]

    async def run_due(self, each: due.Due) -> None:
        await self.store.run(lambda tx: due.handle(tx, each, self.settings))

    async def pass_time(self, seconds: float) -> None:
        """Let time pass and handle all that falls due on the way, each at its time."""
        end = self.clock.now() + round(seconds * 1_000_000)
        while True:
            at = await self.store.read(due.next_due)
            if at is None or at > end:
                break
            self.clock.advance(max(at - self.clock.now(), 0) / 1_000_000)
            found = await self.store.read(lambda read: due.look(read, 100))
            for each in found.found:
                await self.run_due(each)
            await self.store.run(due.forget_rested)
        self.clock.advance((end - self.clock.now()) / 1_000_000)


def owner(task: Json) -> TaskOwner:
    return TaskOwner(
        task_id=task["task_id"],
        lease_owner=task["lease_owner"],
        attempt=task["workflow_task_attempt"],
    )


def decode(body: Any) -> Any:
    """What a client reads of a body."""
    return msgspec.json.decode(msgspec.json.encode(body))


class OwnedTx:
    """A unit's transaction that lets it change only what it has locked, taken or made."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._runs: set[Any] = set()
        self._ids: set[tuple[Any, Any]] = set()
        self._namespaces: set[Any] = set()
        self._schedules: set[tuple[Any, Any]] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tx, name)

    def lock(self, key: Key, /) -> None:
        self._tx.lock(key)
        if key.kind == "run":
            self._runs.add(key.id)
        namespace, _, name = key.id.partition("\0")
        if key.kind == "workflow":
            self._ids.add((namespace, name))
        if key.kind == "schedule":
            self._schedules.add((namespace, name))

    def one(self, statement: str, /, **params: Any) -> Any:
        row = self._tx.one(statement, **params)
        if row is not None and statement in ("run_by_task", "run_claimed_by_request"):
            self._runs.add(row[0])
        if statement == "namespace_to_change":
            self._namespaces.add(params["name"])
        return row

    def take(self, statement: str, /, *, most: int, **params: Any) -> Any:
        rows = self._tx.take(statement, most=most, **params)
        if statement == "claimable_run":
            self._runs |= {row[0] for row in rows}
        if statement == "take_due_schedules":
            self._schedules |= {row[:2] for row in rows}
        return rows

    def do(self, statement: str, /, **params: Any) -> None:
        if statement == "insert_run_details":
            self._runs.add(params["run_id"])
        if statement == "insert_instance":
            self._ids.add((params["namespace"], params["workflow_id"]))
        self._check(statement, params)
        self._tx.do(statement, **params)

    def do_many(self, statement: str, rows: Any, /) -> None:
        order = _STATEMENTS[statement].order
        for row in rows:
            self._check(statement, dict(zip(order, row, strict=True)))
        self._tx.do_many(statement, rows)

    def do_together(self, statement: str, group: Any, items: Any, rows_of: Any, /) -> None:
        order = _STATEMENTS[statement].order
        for row in rows_of(group, items):
            self._check(statement, dict(zip(order, row, strict=True)))
        self._tx.do_together(statement, group, items, rows_of)

    def _check(self, statement: str, params: Any) -> None:
        if statement in _FREE:
            return
        if statement == "save_namespace":
            assert params["name"] in self._namespaces, f"{statement}: the namespace is not locked"
        elif "schedule_id" in params and statement not in _OF_RUNS:
            own = (params["namespace"], params["schedule_id"])
            assert own in self._schedules, f"{statement}: the schedule is not locked"
        elif "run_id" in params:
            assert params["run_id"] in self._runs, f"{statement}: the run is not locked"
        elif "workflow_id" in params:
            own = (params["namespace"], params["workflow_id"])
            assert own in self._ids, f"{statement}: the workflow id is not locked"


_STATEMENTS = load_statements("sqlite")
# They name the schedule that started the run.
_OF_RUNS = {"insert_run"}
# They add a row of their own that nobody changes.
_FREE = {"insert_command", "insert_large_string", "set_aside"}


class OwnedStore:
    """A store that checks of every unit that it changes only what it has to itself."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def run(
        self, work: Callable[[Tx], T], /, *, keys: Sequence[Key] = (), unhurried: bool = False
    ) -> T:
        return await self._store.run(
            lambda tx: work(cast(Tx, OwnedTx(tx))), keys=keys, unhurried=unhurried
        )


@pytest.fixture(params=["plain", "twice", "late", "conflict"])
def store(
    request: pytest.FixtureRequest,
    open_sqlite: Callable[..., SqliteStore],
    put_in_mode: Callable[[SqliteStore, str], Store],
) -> Any:
    """The real schema, empty, in memory, in each mode in turn."""
    return OwnedStore(put_in_mode(open_sqlite(), request.param))


@pytest.fixture
async def server(store: Store, clock: ManualClock) -> Server:
    return await Server(store, clock).open()


@pytest.fixture
def commands() -> Commands:
    return Commands()


class Commands:
    """Commands as workers write them."""

    def activity(self, name: str = "act", **fields: Any) -> Json:
        return {
            "type": "schedule_activity",
            "activity_type": name,
            "arguments": blob("[]"),
        } | fields

    def timer(self, seconds: float = 5) -> Json:
        return {"type": "start_timer", "delay_seconds": seconds}

    def child(self, name: str = "child", **fields: Any) -> Json:
        return {"type": "start_child_workflow", "workflow_type": name} | fields

    def wait(self, key: str | None = "k", **fields: Any) -> Json:
        return {"type": "open_condition_wait", "condition_key": key} | fields

    def side_effect(self, text: str = "7") -> Json:
        return {"type": "record_side_effect", "result": text}

    def done(self, text: str = "1") -> Json:
        return {"type": "complete_workflow", "result": blob(text)}

    def failed(self, message: str = "gave up", **fields: Any) -> Json:
        return {"type": "fail_workflow", "message": message} | fields

    def again(self, **fields: Any) -> Json:
        return {"type": "continue_as_new", "arguments": blob("[2]")} | fields

    def token(self, sequence: int) -> str:
        return base64.b64encode(str(sequence).encode()).decode()


@pytest.fixture(scope="session")
def server_class() -> type[Server]:
    """For tests that open many servers of their own."""
    return Server
