"""Why code and history do not go together, and what cures it: guesses from where they part."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from durable_workflow._kernel.kinds import KINDS
from durable_workflow._kernel.steps import Step, WaitStep
from durable_workflow.replay_verify._descriptions import (
    describe_command,
    describe_step,
    detail_of_step,
    is_of,
)
from durable_workflow.workflow import Command, FailWorkflow, RecordVersionMarker, WaitCondition

_MARKER: Final = KINDS[RecordVersionMarker]

_GUARD: Final = (
    "Let runs that passed here before go the old way:\n"
    '    if (yield ctx.patched("name-of-the-change")):\n'
    "        ...  # the new code\n"
    "    else:\n"
    "        ...  # what this place did before: {before}\n"
    "Or keep workers of the old build for the runs that began on it, or give the changed workflow "
    "a new type name."
)


@dataclass(frozen=True, slots=True)
class Cause:
    """A likely cause.

    Attributes:
        code: For programs.
        explanation: A sentence or two.
        cure: What to do, with code where that says it best.
    """

    code: str
    explanation: str
    cure: str


UNSTABLE: Final = Cause(
    "code_not_deterministic",
    "Two replays of this very history went different ways, so the code decides by something that "
    "is not in history: the time, a random value, an environment variable, a global, the order of "
    "a set, a file or the network.",
    "Take time, random values and ids from ctx.now(), ctx.random() and ctx.uuid4(), sort sets "
    "before going through them, and bring everything else in through an activity or "
    "ctx.side_effect(...).",
)


def raised(failure: FailWorkflow) -> Cause:
    """The code raises where the recorded run went on."""
    return Cause(
        "code_raised",
        f"This code raised {failure.exception_type}: {failure.message}, where the recorded run "
        "went on: it does not cope with what older runs were started with, or with the results "
        "that they recorded.",
        "Let the code take what older runs recorded, as a key that is missing or a value of "
        "another type; or let runs that passed here before go the old way with ctx.patched(...).",
    )


def went_on(asked: Command | None, end: str) -> Cause:
    """The code asks for more where the recorded run ended."""
    return Cause(
        "goes_on_after_end",
        f"The recorded run {end} here, and this code asks for {describe_command(asked)}: a step "
        "was put at the end, or a branch or a loop goes on longer than it did.",
        _GUARD.format(before=f"the run {end}"),
    )


def likely_cause(asked: Command | None, untaken: Sequence[Step]) -> Cause:
    """The likely cause of a mismatch.

    Args:
        asked: What the code asked for; None where it returned.
        untaken: The recorded steps that it has not yielded, the one that it met first.
    """
    recorded = untaken[0] if untaken else None
    if isinstance(asked, FailWorkflow):
        return _changed_wait_or_handler(asked, recorded)
    if recorded is None:
        raise AssertionError("a mismatch is one with a recorded step")
    if recorded.kind is _MARKER and not isinstance(asked, RecordVersionMarker):
        return _removed_marker(recorded)
    if isinstance(asked, WaitCondition) and isinstance(recorded, WaitStep):
        return _changed_wait(recorded)
    if asked is None or recorded.kind is not KINDS.get(type(asked)):
        later = _later(asked, untaken)
        if later is not None:
            return _removed_steps(asked, untaken[: later + 1])
        return _ended_early(recorded) if asked is None else _inserted(asked, recorded)
    later = _later(asked, untaken)
    if later is not None:
        return _removed_steps(asked, untaken[: later + 1])
    return _renamed(asked, recorded)


def _later(asked: Command | None, untaken: Sequence[Step]) -> int | None:
    """Where among the recorded steps after the first one there is one of the command."""
    return next((n for n, step in enumerate(untaken) if n and is_of(step, asked)), None)


def _removed_marker(recorded: Step) -> Cause:
    change = recorded.detail or "name-of-the-change"
    return Cause(
        "version_marker_removed",
        f"The run recorded the version marker {change!r}, and the code no longer asks for it: "
        "ctx.patched or ctx.get_version was taken out while runs that recorded it are still open.",
        f'Put `yield ctx.deprecate_patch("{change}")` (or the ctx.get_version that was there) back '
        "at this place until no run that recorded it is open.",
    )


def _changed_wait(recorded: WaitStep) -> Cause:
    key = f" {recorded.key!r}" if recorded.key else ""
    return Cause(
        "wait_changed",
        f"Another condition wait{key} is recorded here: its key or the code of its predicate was "
        "changed, or waits were added, removed or moved.",
        _GUARD.format(before=f"the condition wait{key}")
        + "\nA wait with a key of its own, ctx.wait_condition(..., key=...), is easiest to keep.",
    )


def _changed_wait_or_handler(asked: FailWorkflow, recorded: Step | None) -> Cause:
    if isinstance(recorded, WaitStep):
        return _changed_wait(recorded)
    return Cause(
        "handler_removed",
        f"{asked.message}: the handler was removed or renamed while runs that were sent to it are "
        "still open.",
        "Keep the handler, under the name that is recorded, until no such run is open.",
    )


def _removed_steps(asked: Command | None, steps: Sequence[Step]) -> Cause:
    removed = ", ".join(describe_step(step) for step in steps[:-1][:3])
    more = "" if len(steps) <= 4 else f" and {len(steps) - 4} more"
    return Cause(
        "steps_removed_or_moved",
        f"The run recorded {removed}{more} before the {describe_step(steps[-1])} that the code "
        "asks for now: those were removed, or moved behind it.",
        _GUARD.format(before=removed + more),
    )


def _ended_early(recorded: Step) -> Cause:
    return Cause(
        "ended_early",
        f"The code returned where the run went on with {describe_step(recorded)}: steps at the end "
        "were removed, or a branch or a loop ends sooner than it did.",
        _GUARD.format(before=describe_step(recorded)),
    )


def _inserted(asked: Command, recorded: Step) -> Cause:
    return Cause(
        "step_inserted",
        f"The code asks for {describe_command(asked)}, which the run never recorded from here on: "
        f"it was put before {describe_step(recorded)}, or in its place.",
        _GUARD.format(before=describe_step(recorded)),
    )


def _renamed(asked: Command, recorded: Step) -> Cause:
    kind, name = recorded.kind.shape, detail_of_step(recorded)
    return Cause(
        "step_renamed_or_inserted",
        f"The {kind} at this place was {name!r}, and the run never recorded "
        f"{describe_command(asked)} from here on: it was renamed or replaced, or another one was "
        "put before it.",
        _GUARD.format(before=describe_step(recorded)),
    )
