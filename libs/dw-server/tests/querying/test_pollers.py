"""Which workers are known to answer queries of a queue."""

from __future__ import annotations

from durable_workflow.server.querying import PendingQueries
from durable_workflow.server.service_settings import ServiceSettings

MINUTE = 60_000_000  # microseconds


class Clock:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


def made(clock: Clock) -> PendingQueries:
    return PendingQueries(ServiceSettings(), clock, lambda: "id")


def test_a_worker_counts_for_a_minute_after_its_poll() -> None:
    clock = Clock()
    queries = made(clock)
    queries.note_poll("default", "q", "w")
    clock.now += MINUTE
    assert queries.pollers("default", "q") == {"w"}
    clock.now += 1
    assert queries.pollers("default", "q") == set()


def test_queues_that_nobody_polls_any_more_are_forgotten() -> None:
    clock = Clock()
    queries = made(clock)
    queries.note_poll("default", "steady", "w")
    for number in range(2000):
        queries.note_poll("default", f"q-{number}", "w")
        queries.note_poll("default", "steady", "w")
        clock.now += MINUTE
    assert len(queries._pollers) <= 250  # pyright: ignore[reportPrivateUsage]
    assert queries.pollers("default", "steady") == {"w"}
    clock.now -= MINUTE
    assert queries.pollers("default", "q-1999") == {"w"}
