"""A kept machine is the rebuilt one: random programs against a model of the server.

The model writes history as our server does (worker-protocol R1, R2, R4, R6): events that arrive
while a task is leased are appended behind the completion's events, batches resolve as a whole, a
passed wait is recorded as satisfied. Programs are small trees that one workflow interprets; it
notes everything that it can observe, so a receiver applied one stop too early shows in its result.
"""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import os
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from durable_workflow import workflow
from durable_workflow._kernel import Machine, Start
from durable_workflow.errors import (
    ActivityFailed,
    ChildWorkflowFailed,
    NonDeterministicReplayError,
    QueryFailed,
)

# Found by `-m hypothesis`, which the long run of CI goes by: `given` is inside of these tests.
pytestmark = pytest.mark.hypothesis

PROGRAMS = max(100, int(os.environ.get("SOAK_EXAMPLES", "0")))
random_programs = settings(
    max_examples=PROGRAMS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@workflow.defn(name="program")
class Program:
    """Interprets a program, and notes what it sees."""

    def __init__(self) -> None:
        self.log: list[int] = []
        self.total = 0
        self.notes: list[Any] = []

    @workflow.signal("s")
    def on_signal(self, k: Any) -> None:
        if k == 13:
            raise ValueError("unlucky signal")
        self.log.append(k)
        self.notes.append(["signal", k, self.ctx.now().isoformat()])

    @workflow.update("add")
    def on_update(self, n: Any) -> Any:
        if n == 13:
            raise ValueError("unlucky update")
        self.total += n
        self.log.append(-n)
        if n == 3:
            self.notes.append(["update", n, self.ctx.now().isoformat()])
        elif n == 2:
            self.notes.append(["update", n, str(self.ctx.uuid4())])
        return self.total

    @on_update.validator
    def check(self, n: Any) -> None:
        self.ctx.uuid4()  # drawn here alone, so it must not be missing in replays
        if n == 0:
            raise ValueError("nothing to add")

    @workflow.query("state")
    def state(self) -> Any:
        return [list(self.log), self.total, list(self.notes), self.ctx.now().isoformat()]

    def run(self, ctx: Any, program: Any) -> Any:
        self.ctx = ctx
        yield from self.block(program)
        return [self.log, self.notes]

    def block(self, program: Any) -> Any:
        for statement in program:
            yield from getattr(self, f"do_{statement[0]}")(*statement[1:])

    def note(self, *what: Any) -> None:
        self.notes.append([*what, len(self.log), self.ctx.now().isoformat()])

    def do_note(self) -> None:
        self.note("note", str(self.ctx.uuid4()))

    def do_ask(self, shape: Any) -> Any:
        try:
            self.note("result", (yield self.command(shape)))
        except (ActivityFailed, ChildWorkflowFailed) as error:
            self.note("failed", str(error))

    def command(self, shape: Any) -> Any:
        if isinstance(shape, list):
            return [self.command(member) for member in shape]
        return {
            "a": lambda: self.ctx.schedule_activity("a", [list(self.log)]),
            "b": lambda: self.ctx.schedule_activity("b", []),
            "t": lambda: self.ctx.start_timer(5),
            "c": lambda: self.ctx.start_child_workflow("child"),
        }[shape]()

    def do_side_effect(self, value: Any) -> Any:
        self.note("effect", (yield self.ctx.side_effect(lambda: (value, list(self.log)))))

    def do_version(self) -> Any:
        self.note("version", (yield self.ctx.get_version("v", 1, 2)))

    def do_patched(self) -> Any:
        self.note("patched", (yield self.ctx.patched("p")))

    def do_attributes(self) -> Any:
        yield self.ctx.upsert_search_attributes({"n": len(self.log)})
        self.note("attributes")

    def do_wait(self, key: Any, predicate: Any, amount: Any, timeout: Any) -> Any:
        holds = {
            "count": lambda: len(self.log) >= amount,
            "parity": lambda: bool(self.log) and sum(self.log) % (amount + 1) == 0,
            "total": lambda: self.total >= amount,
        }[predicate]
        self.note("waited", (yield self.ctx.wait_condition(holds, key=key, timeout=timeout)))

    def do_branch(self, even: Any, odd: Any) -> Any:
        yield from self.block(odd if len(self.log) % 2 else even)

    def do_loop(self, times: Any, body: Any) -> Any:
        for _ in range(times):
            yield from self.block(body)

    def do_drain(self) -> Any:
        self.note("drained", list(self.log))
        self.log.clear()
        yield from ()


shapes = st.recursive(
    st.sampled_from(["a", "b", "t", "c"]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
waits = st.tuples(
    st.just("wait"),
    st.sampled_from([None, "k", "k", "other"]),
    st.sampled_from(["count", "count", "parity", "total"]),
    st.integers(0, 4),
    st.sampled_from([None, None, 30, 0]),
).map(list)
asks = st.tuples(st.just("ask"), shapes).map(list)
simple = st.sampled_from([["note"], ["drain"], ["version"], ["patched"], ["attributes"]])
# A loop that consumes signals: the same wait again and again.
consumers = st.tuples(st.integers(1, 4), waits).map(
    lambda parts: ["loop", parts[0], [parts[1], ["drain"]]]
)
statements: Any = st.deferred(
    lambda: st.one_of(
        waits,
        waits,
        asks,
        asks,
        consumers,
        simple,
        st.tuples(st.just("side_effect"), st.integers(0, 3)).map(list),
        st.tuples(st.just("branch"), blocks, blocks).map(list),
        st.tuples(st.just("loop"), st.integers(0, 3), blocks).map(list),
    )
)
blocks: Any = st.lists(statements, max_size=4)
programs = st.lists(statements, min_size=1, max_size=8)


class ModelServer:
    """History of one run, written as our server writes it."""

    def __init__(self, random: Any, *, keeps_waits: Any, marked: Any = True) -> None:
        self.random = random
        self.keeps_waits = keeps_waits  # the worker says which wait it is still at
        self.history: list[dict[str, Any]] = []
        self.now = datetime(2026, 6, 1, 12, tzinfo=UTC)
        self.batch: list[dict[str, Any]] = []
        self.wait: Any = None
        self.buffered: list[Any] = []
        self.updates: list[str] = []
        self.ids = 0
        self.closed = False
        self.ready = True
        self.leased = False
        self.holds = False
        self.tasks_completed = 0
        clock = {"clock": "event"} if marked else {}
        self.append("StartAccepted", {})
        self.append("WorkflowStarted", {"timestamp": self.now.isoformat(), **clock})

    def append(self, event_type: Any, payload: Any) -> Any:
        self.now += timedelta(seconds=1)
        sequence = len(self.history) + 1
        self.history.append(
            {
                "id": f"e{sequence}",
                "sequence": sequence,
                "event_type": event_type,
                "payload": payload,
                "recorded_at": self.now.isoformat(),
            }
        )
        return sequence

    def new_id(self) -> Any:
        self.ids += 1
        return f"id-{self.ids}"

    # --- buffered events --------------------------------------------------------------------------

    def happen(self) -> None:
        """Let something happen outside."""
        choices = ["signal", "signal", "update"]
        open_members = [member for member in self.batch if not member["outcome"]]
        if open_members:
            choices += ["outcome"] * 4
        if self.wait is not None and self.wait["timer"] == "pending":
            choices += ["timeout"]
        chosen = self.random.choice(choices)
        if chosen == "signal":
            self.tell(self.add_signal, self.amount(0))
        elif chosen == "update":
            self.tell(self.add_update, self.amount(1))
        elif chosen == "timeout":
            wait: Any = self.wait
            wait["timer"] = "fired"
            self.tell(self.add_timeout, wait["id"], hold=self.ready)
        else:
            member = self.random.choice(open_members)
            member["outcome"] = self.random.choice(["ok", "ok", "ok", "failed"])
            if all(m["outcome"] for m in self.batch):
                self.tell(self.add_batch)

    def amount(self, least: Any) -> Any:
        """A small number; rarely the one that makes a handler raise, and for updates 0."""
        return 13 if self.random.random() < 0.02 else self.random.choice([0, least, 1, 2, 3])

    def tell(self, add: Any, *arguments: Any, hold: Any = False) -> None:
        if self.leased or hold or self.holds:
            self.buffered.append((add, arguments))
        else:
            add(*arguments)

    def flush(self) -> None:
        buffered, self.buffered = self.buffered, []
        while buffered and not self.holds:
            add, arguments = buffered.pop(0)
            add(*arguments)
        self.buffered = buffered + self.buffered

    def add_signal(self, k: Any) -> None:
        self.append("SignalReceived", {"signal_name": "s", "arguments": f"[{k}]"})
        if self.wait is not None or not self.tasks_completed:
            self.ready = True

    def add_update(self, n: Any) -> None:
        update_id = self.new_id()
        payload = {"update_id": update_id, "update_name": "add", "arguments": f"[{n}]"}
        self.append("UpdateAccepted", payload)
        self.updates.append(update_id)
        self.ready = True

    def add_timeout(self, wait_id: Any) -> None:
        if self.wait is None or self.wait["id"] != wait_id:
            return
        self.append("TimerFired", self.timer_payload())
        self.wait = None
        self.ready = True
        self.holds = True

    def add_batch(self) -> None:
        batch, self.batch = self.batch, []
        for member in batch:
            answers = {
                "activity": ("ActivityCompleted", "ActivityFailed"),
                "timer": ("TimerFired", "TimerFired"),
                "child": ("ChildRunCompleted", "ChildRunFailed"),
            }[member["kind"]]
            payload = {"sequence": member["sequence"]} | member["detail"]
            if member["outcome"] == "ok":
                self.append(answers[0], payload | {"result": str(member["sequence"])})
            else:
                self.append(answers[1], payload | {"message": f"no {member['sequence']}"})
        self.ready = True

    def timer_payload(self) -> Any:
        return {
            "sequence": self.wait["sequence"],
            "timer_kind": "condition_timeout",
            "condition_wait_id": self.wait["id"],
        }

    # --- tasks --------------------------------------------------------------------------

    def claim(self) -> Any:
        self.ready, self.leased = False, True
        return self.updates[0] if self.updates else None

    def lose(self) -> None:
        """The worker is gone, or failed the task."""
        self.leased, self.ready = False, True
        self.flush()

    def complete(self, commands: Any, open_wait_id: Any) -> None:
        self.holds = False
        known, commands = self.known(commands)
        outcomes = {"CompleteUpdate", "FailUpdate"}
        said = [command for command in commands if type(command).__name__ not in outcomes]
        self.settle_wait(said, open_wait_id)
        if not known and any(type(command).__name__ in BATCHED for command in commands):
            self.batch = []
        for command in commands:
            getattr(self, f"apply_{type(command).__name__}")(command)
        self.leased = False
        self.tasks_completed += 1
        if self.closed:
            return
        self.flush()
        updated = len(said) < len(commands)
        if self.updates or (updated and (self.wait is not None or known)) or self.go_on(updated):
            self.ready = True

    def go_on(self, updated: Any) -> Any:
        """A follow-up after an update: nothing else may have been able to advance the run."""
        return updated and not self.batch and not self.closed

    def known(self, commands: Any) -> Any:
        """R2: blocking commands that only say the open batch again are left out."""
        if not self.batch:
            return [], commands
        rest, members = [], list(self.batch)
        for command in commands:
            if type(command).__name__ in BATCHED and members:
                member = members.pop(0)
                assert member["kind"] == BATCHED[type(command).__name__]
            else:
                rest.append(command)
        return self.batch, rest

    def settle_wait(self, said: Any, open_wait_id: Any) -> None:
        """R6: what is said decides whether the open wait was passed."""
        if self.wait is None or not said or type(said[0]).__name__ == "FailWorkflow":
            return
        first = said[0]
        if isinstance(first, workflow.WaitCondition):
            if self.keeps_waits:
                if open_wait_id == self.wait["id"]:
                    return
            elif self.is_open_wait(first):
                self.cancel_timer()
                self.wait = None
                return
        payload = {"condition_wait_id": self.wait["id"], "sequence": self.wait["sequence"]}
        self.append("ConditionWaitSatisfied", payload)
        self.cancel_timer()
        self.wait = None

    def is_open_wait(self, command: Any) -> Any:
        return (self.wait["key"], self.wait["fingerprint"]) == (
            command.condition_key,
            command.condition_definition_fingerprint,
        )

    def cancel_timer(self) -> None:
        if self.wait["timer"] is not None:
            self.append("TimerCancelled", self.timer_payload())

    def schedule(self, kind: Any, event_type: Any, detail: Any) -> None:
        sequence = self.append(event_type, {})
        self.history[-1]["payload"] = {"sequence": sequence} | detail
        member = {"kind": kind, "sequence": sequence, "detail": detail, "outcome": None}
        self.batch.append(member)

    def apply_ScheduleActivity(self, command: Any) -> None:
        detail = {"activity_type": command.activity_type}
        self.schedule("activity", "ActivityScheduled", detail)
        if self.random.random() < 0.5:
            sequence = self.batch[-1]["sequence"]
            self.append("ActivityStarted", {"sequence": sequence} | detail)

    def apply_StartTimer(self, command: Any) -> None:
        self.schedule("timer", "TimerScheduled", {"delay_seconds": command.delay_seconds})

    def apply_StartChildWorkflow(self, command: Any) -> None:
        detail = {"child_workflow_type": command.workflow_type}
        self.schedule("child", "ChildWorkflowScheduled", detail)

    def apply_RecordSideEffect(self, command: Any) -> None:
        wire = command.to_server_command("q", payload_codec="json")
        self.mark("SideEffectRecorded", {"result": wire["result"]})

    def apply_RecordVersionMarker(self, command: Any) -> None:
        payload = {"change_id": command.change_id, "version": command.version}
        self.mark("VersionMarkerRecorded", payload)

    def apply_UpsertSearchAttributes(self, command: Any) -> None:
        self.mark("SearchAttributesUpserted", {"attributes": command.attributes})

    def mark(self, event_type: Any, payload: Any) -> None:
        sequence = self.append(event_type, {})
        self.history[-1]["payload"] = {"sequence": sequence, "payload_codec": "json"} | payload

    def apply_WaitCondition(self, command: Any) -> None:
        if self.wait is not None:
            return  # kept
        payload = {
            "condition_wait_id": self.new_id(),
            "condition_definition_fingerprint": command.condition_definition_fingerprint,
        }
        if command.condition_key is not None:
            payload["condition_key"] = command.condition_key
        sequence = self.append("ConditionWaitOpened", payload)
        payload["sequence"] = sequence
        self.wait = {
            "id": payload["condition_wait_id"],
            "sequence": sequence,
            "key": command.condition_key,
            "fingerprint": command.condition_definition_fingerprint,
            "timer": None,
        }
        if command.timeout_seconds == 0:
            timed_out = {"condition_wait_id": self.wait["id"], "sequence": sequence}
            self.append("ConditionWaitTimedOut", timed_out)
            self.wait = None
            self.ready = True
        elif command.timeout_seconds is not None:
            self.wait["timer"] = "pending"
            self.append("TimerScheduled", self.timer_payload())

    def apply_CompleteUpdate(self, command: Any) -> None:
        self.updates.remove(command.update_id)
        accepted = next(
            event["payload"]
            for event in self.history
            if event["payload"].get("update_id") == command.update_id
        )
        sequence = self.append("UpdateApplied", {})
        self.history[-1]["payload"] = accepted | {"sequence": sequence}
        self.append("UpdateCompleted", accepted | {"sequence": sequence})

    def apply_FailUpdate(self, command: Any) -> None:
        self.updates.remove(command.update_id)
        self.append("UpdateCompleted", {"update_id": command.update_id})

    def apply_CompleteWorkflow(self, command: Any) -> None:
        self.close("WorkflowCompleted")

    def apply_FailWorkflow(self, command: Any) -> None:
        self.close("WorkflowFailed")

    def close(self, event_type: Any) -> None:
        self.append(event_type, {})
        self.closed = True


BATCHED = {"ScheduleActivity": "activity", "StartTimer": "timer", "StartChildWorkflow": "child"}


class Worker:
    """Serves a run with a kept machine, and checks it against a rebuilt one at every task."""

    def __init__(self, program: Any, outcome_of: Any, *, marked: Any = True) -> None:
        self.program = program
        self.marked = marked
        self.outcome_of = outcome_of
        self.machine: Machine | None = None
        self.stale = 0
        self.served = 0
        self.kept_through_updates = 0

    def rebuild(self, history: Any) -> Any:
        start = Start(
            workflow_id="w", run_id="run-1", arguments=[self.program], payload_codec="json"
        )
        machine = Machine(Program, start)
        machine.feed(history)
        assert not machine.stale
        return machine

    def serve(self, history: Any) -> Any:
        """The machine for a task, kept if it can be."""
        self.served += 1
        rebuilt = self.rebuild(history)
        if self.machine is not None:
            self.machine.feed(history[self.machine.last_sequence :])
            if self.machine.stale:
                self.stale += 1
                self.machine = None
            else:
                assert self.see(self.machine) == self.see(rebuilt)
        self.machine = self.machine or rebuilt
        return self.machine

    def see(self, machine: Any) -> Any:
        commands = machine.commands()
        if isinstance(commands[0], workflow.FailWorkflow):
            if self.marked:  # an ordered history always replays
                assert commands[0].exception_type != "NonDeterministicWaitCondition"
            return self.outcome_of(machine)
        return self.outcome_of(machine), machine.query("state")

    def evict(self) -> None:
        self.machine = None


def run_to_the_end(
    server: Any, worker: Any, random: Any, *, evicts: Any, loses: Any, peeks: Any
) -> Any:
    """Drive a run until it is closed, or nothing is left to happen; its last commands."""
    commands: list[Any] = []
    for _ in range(200):
        if server.closed:
            break
        if not server.ready:
            server.happen()
            continue
        while random.random() < 0.4:
            server.happen()
        if peeks and random.random() < 0.2:
            worker.serve(server.history)  # a question between two tasks
        if evicts and random.random() < 0.2:
            worker.evict()
        update_id = server.claim()
        machine = worker.serve(server.history)
        if update_id is not None:
            commands = [machine.apply_update(update_id)]
            worker.kept_through_updates += machine.awaits
            if not machine.awaits:
                worker.evict()
        else:
            commands = machine.commands()
        while random.random() < 0.4:
            server.happen()
        if loses and random.random() < 0.2:
            server.lose()
            continue
        server.complete(commands, machine.open_wait_id if update_id is None else None)
    return commands


@pytest.mark.parametrize("keeps_waits", [True, False])
def test_kept_machine_is_the_rebuilt_one(keeps_waits: Any, outcome_of: Any) -> None:
    kept_through_updates = 0

    @random_programs
    @given(program=programs, seed=st.integers(0, 2**32))
    def check(program: Any, seed: Any) -> None:
        random = Random(seed)
        server = ModelServer(random, keeps_waits=keeps_waits)
        worker = Worker(program, outcome_of)
        run_to_the_end(server, worker, random, evicts=True, loses=False, peeks=False)
        assert worker.stale == 0
        nonlocal kept_through_updates
        kept_through_updates += worker.kept_through_updates

    check()
    assert kept_through_updates > 10


@pytest.mark.parametrize("marked", [True, False])
def test_machine_fed_at_odd_moments_is_exact_or_stale(marked: Any, outcome_of: Any) -> None:
    @random_programs
    @given(program=programs, seed=st.integers(0, 2**32))
    def check(program: Any, seed: Any) -> None:
        random = Random(seed)
        server = ModelServer(random, keeps_waits=random.random() < 0.5, marked=marked)
        worker = Worker(program, outcome_of, marked=marked)
        try:
            run_to_the_end(server, worker, random, evicts=True, loses=True, peeks=True)
        except NonDeterministicReplayError:
            # Without buffering on record, receivers are bound to waits by order alone, and some
            # programs do not replay: known of that rule, and no matter of keeping machines.
            assert not marked

    check()


def test_finished_history_gives_the_recorded_outcome(outcome_of: Any) -> None:
    @random_programs
    @given(program=programs, seed=st.integers(0, 2**32))
    def check(program: Any, seed: Any) -> None:
        random = Random(seed)
        server = ModelServer(random, keeps_waits=random.random() < 0.5)
        worker = Worker(program, outcome_of)
        commands = run_to_the_end(server, worker, random, evicts=False, loses=True, peeks=False)
        if server.closed:
            assert worker.rebuild(server.history).commands() == commands[-1:]

    check()


def test_any_cut_of_a_history_is_exact_or_stale(outcome_of: Any) -> None:
    @random_programs
    @given(program=programs, seed=st.integers(0, 2**32))
    def check(program: Any, seed: Any) -> None:
        random = Random(seed)
        server = ModelServer(random, keeps_waits=random.random() < 0.5)
        run_to_the_end(
            server, Worker(program, outcome_of), random, evicts=False, loses=True, peeks=False
        )
        worker = Worker(program, outcome_of)
        length = 0
        while length < len(server.history):
            length = min(len(server.history), length + random.randint(1, 4))
            try:
                worker.rebuild(server.history[:length])
            except NonDeterministicReplayError:
                worker.evict()  # a cut inside the events of one completion may be no history
                continue
            worker.serve(server.history[:length])

    check()


class QuestionedServer(ModelServer):
    """Asks, before each completion, about the signals that wait for it."""

    def __init__(self, random: Any, program: Any) -> None:
        super().__init__(random, keeps_waits=random.random() < 0.5)
        self.program = program
        self.asked = 0

    def complete(self, commands: Any, open_wait_id: Any) -> None:
        only_signals = all(add == self.add_signal for add, _ in self.buffered)
        decides = not {type(command).__name__ for command in commands} & NO_DECISION
        # A wait without patience is over before any signal, and a result like any other.
        decides = decides and all(vars(each).get("timeout_seconds") != 0 for each in commands)
        foreseen = self.look(self.buffered) if self.buffered and only_signals and decides else None
        super().complete(commands, open_wait_id)
        if foreseen is not None and not self.holds:
            self.asked += 1
            assert foreseen == self.look([])

    def look(self, signals: Any) -> Any:
        """What the workflow was told, in order, as a question sees it."""
        start = Start(
            workflow_id="w", run_id="run-1", arguments=[self.program], payload_codec="json"
        )
        machine = Machine(Program, start)
        machine.feed(self.history)
        told = [
            {
                "sequence": machine.last_sequence + number,
                "event_type": "SignalReceived",
                "payload": {"signal_name": "s", "arguments": f"[{k}]"},
                "recorded_at": self.now.isoformat(),
            }
            for number, (_, (k,)) in enumerate(signals, start=1)
        ]
        machine.feed(told, decided=True)
        assert not machine.stale
        try:
            log, total, notes, _ = machine.query("state")
        except QueryFailed:
            return "failed"
        return log, total, [note[0] for note in notes]


NO_DECISION = {"CompleteUpdate", "FailUpdate", "CompleteWorkflow", "FailWorkflow"}


def test_question_during_a_task_sees_what_will_be_so_behind_it(outcome_of: Any) -> None:
    asked = 0

    @random_programs
    @given(program=programs, seed=st.integers(0, 2**32))
    def check(program: Any, seed: Any) -> None:
        random = Random(seed)
        server = QuestionedServer(random, program)
        worker = Worker(program, outcome_of)
        run_to_the_end(server, worker, random, evicts=True, loses=True, peeks=False)
        nonlocal asked
        asked += server.asked

    check()
    assert asked > 10
