"""Random programs give what reading them gives, however their histories are written.

A program is played against a history that is made up on the way: members of a list end in any
order, signals come at any moment, and each event is spelled in one of the ways that readers take.
What the code sees is worked out from the program alone, without replay.
"""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import os
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from durable_workflow import serializer, workflow
from durable_workflow.errors import ActivityFailed, ChildWorkflowFailed

# Found by `-m hypothesis`, which the long run of CI goes by: `given` is inside of the test.
pytestmark = pytest.mark.hypothesis

random_programs = settings(
    max_examples=max(100, int(os.environ.get("SOAK_EXAMPLES", "0"))), deadline=None
)
OPENS = {"a": "ActivityScheduled", "b": "ActivityScheduled", "t": "TimerScheduled"}
COMPLETES = {"a": "ActivityCompleted", "b": "ActivityCompleted", "t": "TimerFired"}
MARKERS: dict[Any, str] = {
    workflow.RecordSideEffect: "SideEffectRecorded",
    workflow.RecordVersionMarker: "VersionMarkerRecorded",
    workflow.UpsertSearchAttributes: "SearchAttributesUpserted",
}


@workflow.defn(name="noted")
class Noted:
    """Plays a program, and notes what each statement gave and how many signals had come."""

    def __init__(self) -> None:
        self.signals: list[Any] = []

    @workflow.signal("s")
    def on_signal(self, number: Any) -> None:
        self.signals.append(number)

    def run(self, ctx: Any, program: Any) -> Any:
        notes = []
        for statement in program:
            try:
                given = yield command_of(ctx, statement)
            except (ActivityFailed, ChildWorkflowFailed) as error:
                given = str(error)
            notes.append([given, len(self.signals)])
        return notes


def command_of(ctx: Any, statement: Any) -> Any:
    if isinstance(statement, list):
        return [command_of(ctx, member) for member in statement]
    return {
        "a": lambda: ctx.schedule_activity("a", []),
        "b": lambda: ctx.schedule_activity("b", []),
        "t": lambda: ctx.start_timer(1),
        "c": lambda: ctx.start_child_workflow("c"),
        "effect": lambda: ctx.side_effect(lambda: ("é", 1)),
        "version": lambda: ctx.get_version("v", 1, 3),
        "patched": lambda: ctx.patched("p"),
        "attributes": lambda: ctx.upsert_search_attributes({"n": 1}),
    }[statement]()


AT_ONCE = {"effect": ["é", 1], "version": 3, "patched": True, "attributes": None}
members = st.sampled_from(["a", "b", "t", "c"])
statements = st.one_of(
    st.recursive(members, lambda inner: st.lists(inner, max_size=4), max_leaves=8),
    st.sampled_from(sorted(AT_ONCE)),
)
programs = st.lists(statements, max_size=6)


class Author:
    """Writes the history of one program, and what its code is to see."""

    def __init__(self, program: Any, random: Random, history: Any) -> None:
        self.program = program
        self.random = random
        self.history = history
        self.signals = 0
        self.expected: list[Any] = []

    def write(self) -> Any:
        """Play the program to its end; what is yielded on the way is checked too."""
        self.happen()
        rest = list(self.program)
        while True:
            commands = self.replayed()
            while type(commands[0]) in MARKERS:
                self.mark(commands.pop(0))
            while rest and not members_of(rest[0]):
                passed = rest.pop(0)
                given = AT_ONCE[passed] if isinstance(passed, str) else passed
                self.expected.append([given, self.signals])
            if not rest:
                assert commands == [workflow.CompleteWorkflow(self.expected)]
                return
            assert [kind_of(command) for command in commands] == members_of(rest[0])
            self.run_batch(rest.pop(0))

    def run_batch(self, statement: Any) -> None:
        batch = members_of(statement)
        first = len(self.history) + 1
        for number, kind in enumerate(batch):
            self.add(OPENS.get(kind, "ChildWorkflowScheduled"), first + number, kind)
        open_members = list(range(len(batch)))
        outcomes: dict[int, Any] = {}
        while open_members:
            self.happen()
            if self.random.random() < 0.3:
                assert [kind_of(command) for command in self.replayed()] == batch
            number = open_members.pop(self.random.randrange(len(open_members)))
            outcomes[number] = self.end(batch[number], first + number)
        failures = [outcomes[n] for n in range(len(batch)) if isinstance(outcomes[n], str)]
        values = iter([outcomes[number] for number in range(len(batch))])
        given: Any = failures[0] if failures else shaped(statement, values)
        self.expected.append([given, self.signals])
        self.happen()

    def end(self, kind: Any, sequence: Any) -> Any:
        if kind == "t":
            self.add("TimerFired", sequence, kind)
            return None
        if self.random.random() < 0.15:
            event = self.random.choice(
                ["ActivityFailed", "ActivityTimedOut"] if kind != "c" else ["ChildRunFailed"]
            )
            self.add(event, sequence, kind, message=f"no {sequence}")
            return f"no {sequence}"
        event = COMPLETES.get(kind, "ChildRunCompleted")
        key = self.random.choice(["result", "output"]) if kind == "c" else "result"
        self.add(event, sequence, kind, **self.payload(key, [sequence]))
        return [sequence]

    def payload(self, key: Any, value: Any) -> Any:
        codec = self.random.choice(["json", "avro"])
        if self.random.random() < 0.3:
            return {key: serializer.envelope(value, codec), "payload_codec": "json"}
        blob = serializer.encode(value, codec)
        given = codec != "avro" or self.random.random() < 0.5  # the run's own need not be said
        return {key: blob} | ({"payload_codec": codec} if given else {})

    def mark(self, command: Any) -> None:
        sequence = len(self.history) + 1
        wire = command.to_server_command("q")
        detail = {key: wire[key] for key in ("change_id", "version", "result") if key in wire}
        self.add(MARKERS[type(command)], sequence, None, **detail)

    def happen(self) -> None:
        """What comes from outside, and what is only for observers."""
        while self.random.random() < 0.3:
            key = self.random.choice(["value", "input", "arguments"])
            self.signals += 1
            self.add("SignalReceived", None, signal_name="s", **self.payload(key, [self.signals]))
        if self.random.random() < 0.2:
            about = self.random.choice(
                ["MemoUpserted", "SignalWaitOpened", "activity_completed", "New"]
            )
            self.add(about, 10_000, result="{")

    def add(self, event_type: Any, sequence: Any, kind: Any = None, **payload: Any) -> None:
        if sequence is not None:
            key = self.random.choice(["sequence", "sequence", "workflow_sequence"])
            payload[key] = self.random.choice([sequence, str(sequence)])
        if kind in ("a", "b") and self.random.random() < 0.7:
            payload["activity_type"] = kind
        if kind == "c":
            payload[self.random.choice(["workflow_type", "child_workflow_type"])] = "c"
        if self.random.random() < 0.3:
            payload |= {"timer_kind": None, "code": None, "unheard_of": {"sequence": 1}}
        self.history.add(event_type, **payload)
        record = self.history.events[-1]
        if self.random.random() < 0.3:
            record["type"] = record.pop("event_type")
        if self.random.random() < 0.3:
            record["event_id"] = record.pop("id")

    def replayed(self) -> Any:
        return workflow.replay(
            Noted, self.history, [self.program], run_id="run-1", payload_codec="avro"
        ).commands


def members_of(statement: Any) -> Any:
    """The blocking commands of a statement, in yielded order."""
    if isinstance(statement, list):
        return [kind for member in statement for kind in members_of(member)]
    return [] if statement in AT_ONCE else [statement]


def shaped(statement: Any, values: Any) -> Any:
    if not isinstance(statement, list):
        return next(values)
    return [shaped(member, values) for member in statement]


def kind_of(command: Any) -> Any:
    if isinstance(command, workflow.ScheduleActivity):
        return command.activity_type
    return "t" if isinstance(command, workflow.StartTimer) else "c"


@pytest.mark.parametrize("clock", [None, "event"])
def test_code_sees_what_its_program_says(recorded: Any, clock: Any) -> None:
    @random_programs
    @given(program=programs, seed=st.integers(0, 2**32))
    def check(program: Any, seed: Any) -> None:
        author = Author(program, Random(seed), recorded(clock=clock))
        author.write()
        author.history.add("WorkflowCompleted")
        author.happen()  # nothing reaches a closed run
        assert author.replayed() == [workflow.CompleteWorkflow(author.expected)]

    check()
