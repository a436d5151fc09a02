"""The deadlines of a task: when its lease ends, and those of its activity."""

from dataclasses import dataclass
from datetime import UTC, datetime

from durable_workflow.external_task_input import ExternalTaskInput


class UnreadableDeadline(ValueError):
    """A deadline is no time in ISO 8601.

    Attributes:
        deadline: Name of the deadline.
        expires_at: What it says.
    """

    def __init__(self, deadline: str, expires_at: str) -> None:
        super().__init__(f"the deadline {deadline} is no time: {expires_at!r}")
        self.deadline = deadline
        self.expires_at = expires_at


@dataclass(frozen=True, slots=True)
class Deadline:
    """One deadline.

    Attributes:
        name: `lease_expires_at`, or the member of `deadlines`.
        text: The time as the task says it.
        moment: The time.
    """

    name: str
    text: str
    moment: datetime

    def seconds_left(self, now: datetime) -> float:
        """Seconds until it passes; 0 or less once it has."""
        return (self.moment - now).total_seconds()


def deadlines_of(task: ExternalTaskInput) -> list[Deadline]:
    """All deadlines of a task, that of the lease first.

    Raises:
        UnreadableDeadline: One is no time.
    """
    given = {"lease_expires_at": task.lease.expires_at, **(task.deadlines or {})}
    return [_deadline(name, text) for name, text in given.items() if isinstance(text, str)]


def first_passed(deadlines: list[Deadline], now: datetime) -> Deadline | None:
    """The first of the deadlines that has passed."""
    return next((each for each in deadlines if each.seconds_left(now) <= 0), None)


def _deadline(name: str, text: str) -> Deadline:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UnreadableDeadline(name, text) from error
    return Deadline(name, text, moment if moment.tzinfo else moment.replace(tzinfo=UTC))
