"""Every bad request is answered with its specified status and reason, and changes nothing."""

from __future__ import annotations

import pytest

from integration.contract.refusals import check_refusal
from integration.contract.scene import Rows, Stage
from integration.contract.tables.bridge import bridge_rows
from integration.contract.tables.commands import command_rows
from integration.contract.tables.fields import field_rows
from integration.contract.tables.fleet import fleet_rows
from integration.contract.tables.guards import guard_rows
from integration.contract.tables.maintenance import maintenance_rows
from integration.contract.tables.operations import operation_rows
from integration.contract.tables.requests import request_rows
from integration.contract.tables.rows import Bad
from integration.contract.tables.schedules import schedule_rows
from integration.contract.tables.tenancy import tenancy_rows

ROWS = [
    *request_rows(),
    *field_rows(),
    *operation_rows(),
    *guard_rows(),
    *command_rows(),
    *maintenance_rows(),
    *tenancy_rows(),
    *bridge_rows(),
    *fleet_rows(),
    *schedule_rows(),
]


def test_names_of_rows_are_unique() -> None:
    names = [row.name for row in ROWS if not row.guarded]
    assert len(names) == len(set(names)), sorted(n for n in names if names.count(n) > 1)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_bad_request_is_refused_and_changes_nothing(
    row: Bad, stage: Stage, guarded_stage: Stage, rows: Rows, guarded_rows: Rows
) -> None:
    on, kept = (guarded_stage, guarded_rows) if row.guarded else (stage, rows)
    at = on.scene
    before = kept.read()

    answer = at.wire.send(
        row.method,
        at.path(row.path),
        at.fill(row.body),
        content=row.content,
        headers=row.headers,
    )

    changed = kept.read() != before
    if changed:
        on.clear()
    check_refusal(row, answer, at)
    assert not changed, "it was refused, and yet something changed"


def test_the_leases_are_good_after_all_of_that(stage: Stage) -> None:
    scene = stage.scene
    names = scene.names
    body = {"lease_owner": names["worker"], "workflow_task_attempt": names["attempt"]}
    answer = scene.wire.send(
        "POST", scene.path("/api/worker/workflow-tasks/{task}/heartbeat"), body
    )
    assert answer.need()["renewed"] is True
    attempt = {
        "lease_owner": names["worker"],
        "activity_attempt_id": names["activity_attempt"],
    }
    answer = scene.wire.send(
        "POST", scene.path("/api/worker/activity-tasks/{activity_task}/heartbeat"), attempt
    )
    assert answer.need()["can_continue"] is True
