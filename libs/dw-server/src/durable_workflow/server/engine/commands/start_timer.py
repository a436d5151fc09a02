"""`start_timer`: have the run woken after a while."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from durable_workflow._wire import names
from durable_workflow.server.engine.commands.fields import Errors, duration
from durable_workflow.server.engine.commands.turn import Turn
from durable_workflow.server.engine.refusal import within
from durable_workflow.server.engine.state import Timer
from durable_workflow.server.engine.times import in_seconds, precise, seconds


class StartTimer(msgspec.Struct):
    """The command. `delay` is in microseconds."""

    terminal: ClassVar[bool] = False
    update_outcome: ClassVar[bool] = False

    delay: int

    @property
    def step(self) -> tuple[str, str] | None:
        return "timer", ""

    def apply(self, turn: Turn) -> None:
        decision = turn.decision
        run = decision.run
        run.pending_timers += 1
        within("pending_timer_count", run.pending_timers, turn.limits.pending_timers)
        sequence = turn.next_sequence()
        fire_at = turn.now + self.delay
        timer = Timer(decision.new_id(), run.run_id, sequence, self.delay, fire_at)
        turn.append(
            names.TIMER_SCHEDULED,
            {
                "timer_id": timer.timer_id,
                "sequence": sequence,
                "delay_seconds": in_seconds(self.delay),
                "fire_at": precise(fire_at),
            },
        )
        turn.schedule(sequence, "timer", "")
        decision.new_timers.append(timer)
        decision.created_task_ids.append(timer.timer_id)


def read(raw: dict[str, Any], at: str, codec: str, errors: Errors) -> StartTimer:
    """Read the command from its wire form."""
    delay = duration(raw, "delay_seconds", at, errors)
    if delay is None and f"{at}.delay_seconds" not in errors:
        errors[f"{at}.delay_seconds"] = [f"The {at}.delay_seconds field is required."]
    return StartTimer(seconds(delay or 0))
