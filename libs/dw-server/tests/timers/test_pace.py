"""Batches of what is due are as large as three milliseconds of the processor allow."""

from __future__ import annotations

import pytest

from durable_workflow.server.timers._pace import Pace


@pytest.mark.parametrize(
    ("seconds_of_one", "most"), [(0.000_5, 6), (0.000_2, 15), (0.000_001, 200), (1.0, 5)]
)
def test_batches_grow_and_shrink_with_what_a_unit_takes(seconds_of_one: float, most: int) -> None:
    pace = Pace()
    for _ in range(50):
        units = pace.most
        pace.note(units, units * seconds_of_one)
    assert pace.most == pytest.approx(most, abs=1)


def test_one_slow_batch_does_not_stop_the_next() -> None:
    pace = Pace()
    before = pace.most
    pace.note(before, 0.004)
    assert before / 2 < pace.most < before
