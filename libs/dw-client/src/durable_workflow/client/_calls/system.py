"""Requests about the server as a whole: health, discovery, maintenance."""

from durable_workflow.client._call import Call, as_object
from durable_workflow.client._json import JsonObject, present


def cluster_info() -> Call[JsonObject]:
    """What the server is and can do."""
    return Call(
        "GET", "/cluster/info", as_object("invalid_cluster_info"), context="get_cluster_info"
    )


def health() -> Call[JsonObject]:
    """Whether it is well."""
    return Call("GET", "/health", as_object("invalid_health_response"), context="health")


def status(loop: str) -> Call[JsonObject]:
    """What a maintenance loop would do; `loop` is its segment of the path."""
    name = _name(loop)
    return Call(
        "GET",
        f"/system/{loop}",
        as_object(f"invalid_{name}_status_response"),
        context=f"{name}_status",
    )


def repair_pass(*, run_ids: list[str] | None, instance_id: str | None) -> Call[JsonObject]:
    """Repair tasks once."""
    return _pass("repair", present(run_ids=run_ids or None, instance_id=instance_id))


def retention_pass(*, run_ids: list[str] | None, limit: int | None) -> Call[JsonObject]:
    """Delete what is older than the retention, once."""
    return _pass("retention", present(run_ids=run_ids or None, limit=limit))


def activity_timeout_pass(
    *, execution_ids: list[str] | None, limit: int | None
) -> Call[JsonObject]:
    """Time activities out, once."""
    return _pass("activity-timeouts", present(execution_ids=execution_ids or None, limit=limit))


def _pass(loop: str, body: JsonObject) -> Call[JsonObject]:
    name = _name(loop)
    return Call(
        "POST",
        f"/system/{loop}/pass",
        as_object(f"invalid_{name}_pass_response"),
        body=body,
        context=f"{name}_pass",
    )


def _name(loop: str) -> str:
    return "activity_timeout" if loop == "activity-timeouts" else loop
