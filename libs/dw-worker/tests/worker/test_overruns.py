"""Code that overran: how soon that is noticed, and what is said where nothing is known of it."""

import pytest

from durable_workflow.worker._overruns import check_pause, describe


@pytest.mark.parametrize(("limit", "pause"), [(0.1, 0.0125), (1, 0.125), (100, 0.25)])
def test_a_watchdog_looks_several_times_within_the_limit(limit: float, pause: float) -> None:
    assert check_pause(limit) == pause


def test_code_that_is_not_found_is_said_to_be_nowhere() -> None:
    error = describe(None, 2)
    assert str(error).endswith("for more than 2 s without yielding, at an unknown place")
    assert error.stack == ""
