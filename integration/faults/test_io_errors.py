"""Some failures of a disk; the long run is a program (see `io_errors.py`), and CI runs that too."""

from __future__ import annotations

from integration.faults.io_errors import OPERATIONS, io_errors


async def test_a_failure_is_told_by_the_store_and_loses_nothing() -> None:
    findings = await io_errors(90, step=9)
    assert findings.wrong == []
    assert set(findings.failed) == set(OPERATIONS)
    assert findings.failed.total() > 20
    # Those whose caller was told; the others were of a checkpoint, which is done again.
    assert {"opening: StoreUnavailable", "unit: StoreUnavailable"} <= set(findings.told)
    assert findings.acknowledged > 0
