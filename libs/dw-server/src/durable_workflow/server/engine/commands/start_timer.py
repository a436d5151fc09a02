"""`start_timer`: have the run woken after a while."""

from __future__ import annotations

from typing import Annotated, ClassVar

from durable_workflow._wire import names
from durable_workflow.server.engine.commands.turn import Command, Turn
from durable_workflow.server.engine.refusal import within
from durable_workflow.server.engine.state import Timer
from durable_workflow.server.engine.times import in_seconds, precise, seconds
from durable_workflow.server.fields import Duration


class StartTimer(Command):
    """The command."""

    word: ClassVar[str] = names.START_TIMER

    delay_seconds: Annotated[float, Duration()]

    @property
    def step(self) -> tuple[str, str] | None:
        return "timer", ""

    def apply(self, turn: Turn) -> None:
        decision = turn.decision
        run = decision.run
        run.pending_timers += 1
        within("pending_timer_count", run.pending_timers, turn.limits.pending_timers)
        sequence = turn.next_sequence()
        delay = seconds(self.delay_seconds)
        fire_at = turn.now + delay
        timer = Timer(decision.new_id(), run.run_id, sequence, delay, fire_at)
        turn.append(
            names.TIMER_SCHEDULED,
            {
                "timer_id": timer.timer_id,
                "sequence": sequence,
                "delay_seconds": in_seconds(delay),
                "fire_at": precise(fire_at),
            },
        )
        turn.schedule(sequence, "timer", "")
        decision.new_timers.append(timer)
        decision.created_task_ids.append(timer.timer_id)
