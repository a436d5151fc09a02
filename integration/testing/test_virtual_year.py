"""Months of schedules and timers pass in seconds, and none of them is left out."""

from integration.benchmarks.virtual_year import with_worker, without_worker

MONTH = 28
QUARTER = 91


async def test_a_month_with_a_worker_leaves_nothing_out() -> None:
    found = await with_worker(days=MONTH, timers=80)
    assert found["fires"] == found["fires_expected"]
    assert found["fires"]["hourly"] == MONTH * 24
    assert found["timers"] == 80


async def test_a_quarter_of_a_year_of_the_server_alone_leaves_nothing_out() -> None:
    found = await without_worker(days=QUARTER, timers=250)
    assert found["fires"] == found["fires_expected"]
    assert found["fires"]["hourly"] == QUARTER * 24
    assert found["timers"] == 250
