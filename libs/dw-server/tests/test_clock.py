from __future__ import annotations

import time

import pytest

from durable_workflow.server.clock import ManualClock, SystemClock


def test_the_system_clock_tells_the_time() -> None:
    before = time.time_ns() // 1000
    assert before <= SystemClock().now() <= time.time_ns() // 1000


def test_a_clock_set_back_goes_on_slower_and_one_set_forwards_is_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wall, monotonic = 10_000_000_000, 5_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: wall)
    monkeypatch.setattr(time, "monotonic_ns", lambda: monotonic)
    clock = SystemClock()

    wall, monotonic = wall - 3_600_000_000_000, monotonic + 1_000_000
    assert clock.now() == 10_000_500  # one millisecond passed: half of it counts

    wall = 20_000_000_000
    assert clock.now() == 20_000_000


def test_a_manual_clock_moves_when_told() -> None:
    clock = ManualClock(5)

    assert clock.now() == 5
    assert clock.advance(1.5) == 1_500_005
    assert clock.advance_to(3) == 1_500_005
    assert clock.advance_to(2_000_000) == clock.now() == 2_000_000
    with pytest.raises(ValueError, match="backwards"):
        clock.advance(-1)
