"""Some power cuts; the long run is a program (see `power_cuts.py`), and CI runs that too."""

from __future__ import annotations

import random

from integration.faults.disk import Platter, Write
from integration.faults.power_cuts import PowerPlan, power_cuts


async def test_what_is_acknowledged_outlives_the_power() -> None:
    """One server on an older file that it rewrites and migrates, and one on what a cut left."""
    findings = await power_cuts(PowerPlan(cuts=20, cuts_of_a_moment=2, workflows=12))
    assert findings.lost == []
    assert findings.wrong == []
    assert set(findings.cuts) == {
        *("vacuum", "migration", "load", "checkpoint", "backup", "closing", "recovery")
    }
    assert findings.copies > 0
    assert findings.finished == 12 + 24  # the second server had those of the first to end, too
    assert findings.acknowledged > 0


async def test_a_log_that_is_not_synced_in_commits_loses_units() -> None:
    """Otherwise the disk would not show what it is there for."""
    plan = PowerPlan(cuts=1, cuts_of_a_moment=16, workflows=12, synchronous="NORMAL")
    findings = await power_cuts(plan)
    assert findings.lost != []
    assert findings.wrong == [], "weaker, and still whole"


def test_a_cut_leaves_all_that_was_synced_and_any_part_of_the_rest() -> None:
    dice = random.Random(1)
    platter = Platter(b"old" * 1_000)
    platter.write(Write(0, b"a" * 2_048))
    platter.sync()
    platter.write(Write(0, b"b" * 2_048))
    platter.write(Write(4_096, b"c" * 1_024))
    left = {platter.after_cut(dice) for _ in range(200)}
    synced = b"a" * 2_048 + (b"old" * 1_000)[2_048:]
    assert synced in left
    assert all(len(each) >= 3_000 and each[2_048:3_000] == synced[2_048:] for each in left)
    assert {each[:1] for each in left} == {b"a", b"b"}
    assert any(each[:1] == b"a" and each[-1:] == b"c" for each in left), "the later without it"
    torn = [each.count(b"b") for each in left if 0 < each.count(b"b") < 2_048]
    assert any(count % 512 for count in torn), "within a sector"
    assert any(count % 512 == 0 for count in torn), "whole sectors"
