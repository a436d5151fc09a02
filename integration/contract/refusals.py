"""What every answer looks like, refused or not (control-plane 1, worker-protocol 1)."""

from __future__ import annotations

from typing import Any

from integration.contract.scene import Scene
from integration.contract.tables.rows import Bad
from integration.harness.wire import Answer

# The members of `control_plane` that never vary.
CONTRACT = {
    "schema": "durable-workflow.v2.control-plane-response.contract",
    "version": 1,
    "legacy_field_policy": "reject_non_canonical",
    "legacy_fields": {
        "query": "query_name",
        "signal": "signal_name",
        "update": "update_name",
        "wait_policy": "wait_for",
    },
}


def check_refusal(row: Bad, answer: Answer, scene: Scene) -> None:
    """Hold an answer against the row that says how it must be refused."""
    assert (answer.status, answer.reason) == (row.status, row.reason), answer.body
    body = answer.body
    assert isinstance(body.get("message", body.get("error")), str), body
    for name, value in scene.fill(dict(row.has)).items():
        assert body.get(name) == value, (name, body)
    for field in row.errors:
        # An outcome of the bridge has one of the two (control-plane 13.2).
        twice = row.reason == "validation_failed"
        for member in ("errors", "validation_errors") if twice else ("errors",):
            assert _texts(body[member], field), (field, body[member])
    if row.reason == "validation_failed":
        check_validation_failure(body)
    check_envelope(row.path, answer)


def check_validation_failure(body: dict[str, Any]) -> None:
    """Check the form of a 422: two equal maps of texts, and a message that starts with one."""
    errors = body["errors"]
    assert errors, body
    assert errors == body["validation_errors"], body
    assert all(isinstance(t, str) for texts in errors.values() for t in texts), errors
    first = next(iter(errors.values()))[0]
    assert body["message"].startswith(first), body


def check_envelope(path: str, answer: Answer) -> None:
    """Check the headers and members that every answer of a plane has."""
    if not path.startswith("/api/") or answer.body is None:
        return
    assert answer.headers["content-type"].startswith("application/json"), answer.headers
    if path.startswith("/api/worker/"):
        if answer.reason != "not_found":
            assert answer.headers["x-durable-workflow-protocol-version"] == "1.1"
            assert answer.body["protocol_version"] == "1.1", answer.body
            assert answer.body["server_capabilities"]["query_tasks"] is True
        return
    assert answer.headers["x-durable-workflow-control-plane-version"] == "2"


def _texts(errors: dict[str, list[str]], field: str) -> bool:
    return any(key == field or key.startswith(f"{field}.") for key in errors)
