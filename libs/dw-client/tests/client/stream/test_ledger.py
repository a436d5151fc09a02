"""What a worker holds: for how long each task has kept it busy."""

from __future__ import annotations

from durable_workflow.client._stream._ledger import Key, Ledger


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def key(number: int) -> Key:
    return "activity", f"t{number}", "a", None


def test_a_task_took_what_has_passed_since_it_came() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    clock.now += 10
    ledger.hold(key(1))
    clock.now += 2
    assert ledger.took(key(1)) == 2


def test_tasks_that_came_together_share_the_time_that_passes() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    for number in range(3):
        ledger.hold(key(number))
    took: list[float | None] = []
    for number in range(3):
        clock.now += 2
        took.append(ledger.took(key(number)))
    assert took == [2, 2, 2]


def test_a_pause_before_a_task_is_not_counted() -> None:
    clock = Clock()
    ledger = Ledger(clock)
    ledger.hold(key(1))
    ledger.took(key(1))
    clock.now += 60
    ledger.hold(key(2))
    clock.now += 1
    assert ledger.took(key(2)) == 1


def test_of_a_task_that_is_not_held_it_is_not_known() -> None:
    assert Ledger().took(key(1)) is None
