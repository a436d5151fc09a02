"""When a workflow type is quick enough for the event loop."""

import logging

import pytest

from durable_workflow.worker._paces import (
    LONG_SECONDS,
    QUICK_SECONDS,
    QUICK_TASKS_PER_SLOW,
    Pace,
    held,
)

QUICK = QUICK_SECONDS / 2
SLOW = 2 * QUICK_SECONDS


@pytest.fixture
def pace() -> Pace:
    quick = Pace("Flow")
    quick.note(QUICK)
    return quick


def test_a_type_is_quick_after_its_first_quick_task() -> None:
    pace = Pace("Flow")
    assert not pace.is_quick
    pace.note(QUICK)
    assert pace.is_quick


def test_a_type_that_begins_slow_may_try_again() -> None:
    pace = Pace("Flow")
    pace.note(SLOW)
    assert not pace.is_quick
    pace.note(QUICK)
    assert pace.is_quick


def test_a_slow_task_now_and_then_is_the_machine(pace: Pace) -> None:
    for _ in range(20):
        pace.note(SLOW)
        for _ in range(QUICK_TASKS_PER_SLOW):
            pace.note(QUICK)
        assert pace.is_quick


def test_the_third_slow_task_in_a_row_is_one_too_many(
    pace: Pace, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    pace.note(SLOW)
    pace.note(SLOW)
    assert pace.is_quick
    pace.note(SLOW)
    assert not pace.is_quick
    [line] = caplog.messages
    assert line.startswith(
        "a task of workflow Flow took 40 ms, and all other tasks of the worker's event loop waited "
        "for it, as for others of it shortly before. "
    )


def test_one_slow_task_in_ten_is_too_many(pace: Pace) -> None:
    for _ in range(4):
        pace.note(SLOW)
        for _ in range(9):
            pace.note(QUICK)
    assert not pace.is_quick


def test_one_very_long_task_is_enough(pace: Pace, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pace.note(LONG_SECONDS + 0.1)
    assert not pace.is_quick
    [line] = caplog.messages
    assert "took 300 ms, and all other tasks of the worker's event loop waited for it. " in line


def test_the_way_back_is_as_long_however_slow_it_was(
    pace: Pace, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(100):
        pace.note(SLOW)
    for _ in range(3 * QUICK_TASKS_PER_SLOW):
        assert not pace.is_quick
        pace.note(QUICK)
    assert pace.is_quick
    assert len(caplog.messages) == 1


def test_a_type_that_overran_never_comes_back(pace: Pace) -> None:
    pace.note_overrun()
    for _ in range(100 * QUICK_TASKS_PER_SLOW):
        pace.note(QUICK)
    pace.note(SLOW)
    assert not pace.is_quick


def test_time_that_others_had_the_processor_is_not_the_code_s() -> None:
    assert held(0.123, 0.004, has_waited=False) == 0.004
    assert held(0.123, 0.004, has_waited=True) == 0.123
