"""Events that the bridge rejects, with an outcome and never with an envelope (control-plane 13)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from integration.contract.tables.fields import NOT_TEXT, NOT_WHOLE
from integration.contract.tables.requests import BRIDGE
from integration.contract.tables.rows import ABSENT, Bad, Route
from integration.harness.payloads import blob, envelope

INPUT: dict[str, list[Any]] = {
    "input": ["text", 5, 1.5, True],
    "input.codec": ["", "nope", 5, None],
    "input.blob": [5, None, "!!! not base64", "AA", "", blob("no list")],
}
EVENT: dict[str, list[Any]] = {
    "action": [ABSENT, "", *NOT_TEXT],
    "idempotency_key": [ABSENT, "", "x" * 256, *NOT_TEXT],
    "target": [ABSENT, "text", 5, [1]],
    "correlation": ["text", 5, [1]],
    **INPUT,
}
ACTIONS = [
    Route(
        "bridge start",
        BRIDGE,
        {
            "action": "start_workflow",
            "idempotency_key": "k",
            "target": {"workflow_type": "scene", "workflow_id": "never"},
            "input": envelope(["x"]),
        },
        {
            **EVENT,
            "target.workflow_type": [ABSENT, "", "x" * 256, *NOT_TEXT],
            "target.workflow_id": ["", "bad id/!", "x" * 129, *NOT_TEXT],
            "target.task_queue": ["x" * 256, *NOT_TEXT],
            "target.business_key": ["x" * 256, *NOT_TEXT],
            "target.duplicate_policy": ["allow", "terminate_existing", "fail", *NOT_TEXT],
        },
    ),
    Route(
        "bridge signal",
        BRIDGE,
        {
            "action": "signal_workflow",
            "idempotency_key": "k",
            "target": {"workflow_id": "$workflow", "signal_name": "go"},
        },
        {
            "target.workflow_id": [ABSENT, "", *NOT_TEXT],
            "target.signal_name": [ABSENT, "", "x" * 256, "a\nb", *NOT_TEXT],
        },
    ),
    Route(
        "bridge update",
        BRIDGE,
        {
            "action": "update_workflow",
            "idempotency_key": "k",
            "target": {"workflow_id": "$workflow", "update_name": "change"},
        },
        {
            "target.workflow_id": [ABSENT, "", *NOT_TEXT],
            "target.update_name": [ABSENT, "", "x" * 256, *NOT_TEXT],
            "target.wait_for": ["whatever", *NOT_TEXT],
            "target.wait_timeout_seconds": [0, -1, *NOT_WHOLE],
        },
    ),
]


def bridge_rows() -> Iterator[Bad]:
    """Yield every row of this module."""
    for route in ACTIONS:
        yield from route.rows(reason="malformed_payload")
    yield from _actions()
    yield from _adapters()
    yield from _targets()


def _event(action: str, target: Mapping[str, Any]) -> dict[str, Any]:
    return {"action": action, "idempotency_key": "k", "target": dict(target)}


def _actions() -> Iterator[Bad]:
    for action in ["handoff_external_task", "cancel_workflow", "dance"]:
        yield Bad(
            name=f"bridge: action {action}",
            path=BRIDGE,
            body=_event(action, {"workflow_id": "$workflow"}),
            status=422,
            reason="unsupported_action",
            has={"outcome": "rejected", "accepted": False, "action": action, "adapter": "hooks"},
        )


def _adapters() -> Iterator[Bad]:
    for adapter in ["a%2Fb", "a%20b", "%20", "%C3%BC", "x" * 256]:
        yield Bad(
            name=f"bridge: adapter {adapter}"[:60],
            path=f"/api/bridge-adapters/webhook/{adapter}",
            body=_event("signal_workflow", {"workflow_id": "$workflow", "signal_name": "go"}),
            status=422,
            reason="unsupported_routing",
            has={"outcome": "rejected", "accepted": False},
        )


def _targets() -> Iterator[Bad]:
    for action, name in [("signal_workflow", "signal_name"), ("update_workflow", "update_name")]:
        yield Bad(
            name=f"bridge: {action} of an unknown workflow",
            path=BRIDGE,
            body=_event(action, {"workflow_id": "unknown", name: "go"}),
            status=422,
            reason="unknown_target",
            has={"outcome": "rejected", "target": {"workflow_id": "unknown", name: "go"}},
        )
    yield Bad(
        name="bridge: start of an id of another type",
        path=BRIDGE,
        body=_event("start_workflow", {"workflow_id": "$workflow", "workflow_type": "other"}),
        status=422,
        reason="duplicate_start",
        has={"outcome": "rejected", "workflow_id": "$workflow"},
    )
    yield Bad(
        name="bridge: start of the server's own type",
        path=BRIDGE,
        body=_event("start_workflow", {"workflow_type": "dw.standalone_activity"}),
        status=422,
        reason="unknown_target",
        has={"outcome": "rejected", "target": {"workflow_type": "dw.standalone_activity"}},
    )
