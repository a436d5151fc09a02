"""The figures of `scale` at small sizes: that they are taken, and what holds at any size."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.language.scale import WIDE, long_run, questions, wide_run


@pytest.mark.parametrize("cache", [0, 1000])
async def test_long_run_is_measured_to_its_end(tmp_path: Path, cache: int) -> None:
    taken = await long_run(tmp_path, steps=60, cache=cache)
    assert taken["steps"] == 60
    assert taken["ms_per_step"] > 0


async def test_list_of_a_thousand_under_the_default_limits(tmp_path: Path) -> None:
    assert (await wide_run(tmp_path, width=1_000))["limits"] == "default"


async def test_list_beyond_the_default_limits_with_raised_ones(tmp_path: Path) -> None:
    assert (await wide_run(tmp_path, width=1_200, limits=WIDE))["limits"] == "raised"


@pytest.mark.parametrize("cache", [0, 1000])
async def test_questions_to_a_long_run_are_measured(tmp_path: Path, cache: int) -> None:
    taken = await questions(tmp_path, steps=20, cache=cache, rounds=5)
    assert taken["query_p50_ms"] > 0
