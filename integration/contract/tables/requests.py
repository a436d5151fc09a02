"""What is wrong with a request before its fields are read (control-plane 1, worker-protocol 1)."""

from __future__ import annotations

from collections.abc import Iterator

from integration.contract.tables.rows import Bad

CONTROL_VERSION = "X-Durable-Workflow-Control-Plane-Version"
WORKER_VERSION = "X-Durable-Workflow-Protocol-Version"
MAX_BODY = 2_097_152

BRIDGE = "/api/bridge-adapters/webhook/hooks"

# Every route that is served, by method and path, with what it takes.
CONTROL_GETS = [
    "/api/activities",
    "/api/activities/{standalone}",
    "/api/task-queues",
    "/api/task-queues/{queue}",
    "/api/task-queues/{queue}/build-ids",
    "/api/workers",
    "/api/workers/{worker}",
    "/api/schedules",
    "/api/schedules/{schedule}",
    "/api/schedules/{schedule}/history",
    "/api/search-attributes",
    "/api/workflows",
    "/api/workflows/{workflow}",
    "/api/workflows/{workflow}/debug",
    "/api/workflows/{workflow}/runs",
    "/api/workflows/{workflow}/runs/{run}",
    "/api/workflows/{workflow}/runs/{run}/debug",
    "/api/workflows/{workflow}/runs/{run}/history",
]
CONTROL_POSTS = [
    "/api/activities",
    BRIDGE,
    "/api/schedules",
    *[
        f"/api/schedules/{{schedule}}/{operation}"
        for operation in ("pause", "resume", "trigger", "backfill")
    ],
    "/api/search-attributes",
    "/api/storage/test",
    "/api/task-queues/{queue}/build-ids/drain",
    "/api/task-queues/{queue}/build-ids/promote",
    "/api/task-queues/{queue}/build-ids/resume",
    "/api/workflows",
    *[
        f"/api/workflows/{{workflow}}{middle}/{operation}"
        for middle in ("", "/runs/{run}")
        for operation in ("signal/go", "query/ask", "update/change", "cancel", "terminate")
    ],
]
WORKER_POSTS = [
    "/api/worker/register",
    "/api/worker/heartbeat",
    "/api/worker/workflow-tasks/poll",
    "/api/worker/workflow-tasks/{task}/history",
    "/api/worker/workflow-tasks/{task}/heartbeat",
    "/api/worker/workflow-tasks/{task}/complete",
    "/api/worker/workflow-tasks/{task}/fail",
    "/api/worker/activity-tasks/poll",
    "/api/worker/activity-tasks/{activity_task}/complete",
    "/api/worker/activity-tasks/{activity_task}/fail",
    "/api/worker/activity-tasks/{activity_task}/heartbeat",
    "/api/worker/query-tasks/poll",
    "/api/worker/query-tasks/01NOPE/complete",
    "/api/worker/query-tasks/01NOPE/fail",
]
WITHOUT_LOGIN = ["/api/health", "/api/ready"]
WITHOUT_VERSION = [*WITHOUT_LOGIN, "/api/cluster/info"]
POSTS = [*CONTROL_POSTS, *WORKER_POSTS]
NAMESPACED = [
    *[("GET", path) for path in CONTROL_GETS],
    *[("POST", path) for path in POSTS],
    ("DELETE", "/api/search-attributes/Tier"),
    ("DELETE", "/api/workers/{worker}"),
    ("PUT", "/api/schedules/{schedule}"),
    ("DELETE", "/api/schedules/{schedule}"),
]
# They name a namespace in the path, or none: the header may name one that does not exist.
OF_NO_NAMESPACE = [
    ("GET", "/api/namespaces"),
    ("POST", "/api/namespaces"),
    ("GET", "/api/namespaces/default"),
    ("PUT", "/api/namespaces/default"),
    ("DELETE", "/api/namespaces/default"),
    ("PUT", "/api/namespaces/default/external-storage"),
]
ALL = [*NAMESPACED, *OF_NO_NAMESPACE]
WITH_BODY = [(method, path) for method, path in ALL if method in ("POST", "PUT")]


def request_rows() -> Iterator[Bad]:
    """Yield every row of this module."""
    for method, path in WITH_BODY:
        yield from _body(method, path)
    for method, path in ALL:
        yield from _login(method, path)
        yield from _version(method, path)
    for method, path in NAMESPACED:
        yield from _namespace(method, path)
    for path in {path: None for _, path in ALL}:
        yield from _verb(path)
    yield from _cluster_info()
    yield from _paths()
    yield from _order()


def _body(method: str, path: str) -> Iterator[Bad]:
    for name, content in [
        ("a brace", b"{not json"),
        ("two values", b"{} {}"),
        ("not UTF-8", b'{"a": "\xff\xfe"}'),
        ("NaN", b'{"a": NaN}'),
        ("a byte", b"\x00"),
        ("cut off", b'{"worker_id": "x'),
        ("very deep", b"[" * 100_000),
    ]:
        yield Bad(
            name=f"{path}: body is not JSON: {name}",
            method=method,
            path=path,
            content=content,
            status=400,
            reason="malformed_json",
        )
    for name, content in [
        ("list", b"[]"),
        ("text", b'"text"'),
        ("number", b"5"),
        ("null", b"null"),
    ]:
        yield Bad(
            name=f"{path}: body is a JSON {name}",
            method=method,
            path=path,
            content=content,
            status=422,
            # Each 422 of the bridge is an outcome (control-plane 13).
            reason="malformed_payload" if path == BRIDGE else "validation_failed",
        )
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "json", None]:
        yield Bad(
            name=f"{path}: media type {media_type}",
            method=method,
            path=path,
            content=b'{"a": 1}',
            headers={"Content-Type": media_type},
            status=415,
            reason="unsupported_media_type",
            has={"accepted_content_types": ["application/json", "application/*+json"]},
        )
    yield Bad(
        name=f"{path}: body over the limit",
        method=method,
        path=path,
        content=b'{"a": "' + b"x" * MAX_BODY + b'"}',
        status=413,
        reason="payload_too_large",
        has={"limit": MAX_BODY},
    )
    yield Bad(
        name=f"{path}: body over the limit and not JSON",
        method=method,
        path=path,
        content=b"x" * (MAX_BODY + 1),
        status=413,
        reason="payload_too_large",
    )


def _login(method: str, path: str) -> Iterator[Bad]:
    for name, value in [
        ("no token", None),
        ("wrong token", "Bearer wrong"),
        ("empty token", "Bearer"),
        ("another scheme", "Basic Y29udHJhY3QtdG9rZW4="),
        ("no scheme", "contract-token"),
    ]:
        yield Bad(
            name=f"{method} {path}: {name}",
            method=method,
            path=path,
            headers={"Authorization": value},
            status=401,
            reason="unauthorized",
            guarded=True,
        )


def _version(method: str, path: str) -> Iterator[Bad]:
    worker = path.startswith("/api/worker/")
    header = WORKER_VERSION if worker else CONTROL_VERSION
    name = "protocol_version" if worker else "control_plane_version"
    supported = "1.1" if worker else "2"
    for value in [None, ""]:
        yield Bad(
            name=f"{method} {path}: version {value!r}",
            method=method,
            path=path,
            headers={header: value},
            status=400,
            reason=f"missing_{name}",
            has={"supported_version": supported, "requested_version": None},
        )
    for value in ["1.2", "2.0", "9", "one"] if worker else ["1", "2.0", "3", "two"]:
        yield Bad(
            name=f"{method} {path}: version {value!r}",
            method=method,
            path=path,
            headers={header: value},
            status=400,
            reason=f"unsupported_{name}",
            has={"supported_version": supported, "requested_version": value},
        )


def _namespace(method: str, path: str) -> Iterator[Bad]:
    yield Bad(
        name=f"{method} {path}: unknown namespace",
        method=method,
        path=path,
        headers={"X-Namespace": "Nope"},
        status=404,
        reason="namespace_not_found",
        has={"namespace": "nope"},
    )
    if method == "GET":
        yield Bad(
            name=f"{method} {path}: unknown namespace in the query string",
            method=method,
            path=f"{path}?namespace=nope",
            headers={"X-Namespace": None},
            status=404,
            reason="namespace_not_found",
            has={"namespace": "nope"},
        )


def _verb(path: str) -> Iterator[Bad]:
    served = {method for method, other in ALL if other == path}
    for verb in ("DELETE", "GET", "PATCH", "POST", "PUT"):
        if verb not in served:
            yield Bad(
                name=f"{verb} {path}",
                method=verb,
                path=path,
                status=405,
                reason="method_not_allowed",
            )


def _cluster_info() -> Iterator[Bad]:
    yield from _login("GET", "/api/cluster/info")
    for path in WITHOUT_VERSION:
        yield Bad(name=f"POST {path}", path=path, status=405, reason="method_not_allowed")


def _paths() -> Iterator[Bad]:
    for path in [
        "/",
        "/api",
        "/api/",
        "/api/nothing",
        "/api/workflows/",
        "/api/workflows//runs",
        "/api/workflows/{workflow}/",
        "/api/workflows/{workflow}/nothing",
        "/api/workflows/{workflow}/runs/{run}/history/nothing",
        "/api/worker",
        "/api/worker/nothing",
        "/api/worker/workflow-tasks",
        "/api/worker/workflow-tasks/{task}/nothing",
        "/workflows",
        "/api/Workflows",
    ]:
        for method in ["GET", "POST"]:
            yield Bad(
                name=f"{method} {path}: unknown path",
                method=method,
                path=path,
                status=404,
                reason="not_found",
            )
    # A slash inside a name is part of the name: the path is split before it is decoded.
    yield Bad(
        name="an encoded slash stays inside the workflow id",
        method="GET",
        path="/api/workflows/a%2Fruns",
        status=404,
        reason="instance_not_found",
        has={"workflow_id": "a/runs"},
    )
    yield Bad(
        name="an encoded slash stays inside the run id",
        method="GET",
        path="/api/workflows/{workflow}/runs/a%2Fhistory",
        status=404,
        reason="run_not_found",
        has={"run_id": "a/history"},
    )
    yield Bad(
        name="an encoded slash stays inside the task id",
        path="/api/worker/workflow-tasks/a%2Fb/heartbeat",
        body={"lease_owner": "$worker", "workflow_task_attempt": 1},
        status=404,
        reason="task_not_found",
    )
    yield Bad(
        name="letters beyond ASCII in a workflow id",
        method="GET",
        path="/api/workflows/%C3%BCml%C3%A4ut",
        status=404,
        reason="instance_not_found",
        has={"workflow_id": "ümläut"},
    )


def _order() -> Iterator[Bad]:
    """The first stage that fails answers (control-plane 1.5)."""
    nothing = {CONTROL_VERSION: None, "X-Namespace": "nope", "Authorization": None}
    yield Bad(
        name="order: an unknown path before everything",
        path="/api/nothing",
        content=b"{not json",
        headers=nothing,
        status=404,
        reason="not_found",
        guarded=True,
    )
    yield Bad(
        name="order: body before login",
        path="/api/workflows",
        content=b"{not json",
        headers=nothing,
        status=400,
        reason="malformed_json",
        guarded=True,
    )
    yield Bad(
        name="order: login before version",
        path="/api/workflows",
        headers=nothing,
        status=401,
        reason="unauthorized",
        guarded=True,
    )
    yield Bad(
        name="order: version before namespace",
        path="/api/workflows",
        headers={CONTROL_VERSION: "3", "X-Namespace": "nope"},
        status=400,
        reason="unsupported_control_plane_version",
    )
    yield Bad(
        name="order: namespace before fields",
        path="/api/workflows",
        body={"workflow_id": 5},
        headers={"X-Namespace": "nope"},
        status=404,
        reason="namespace_not_found",
    )
    yield Bad(
        name="order: media type before JSON",
        path="/api/worker/register",
        content=b"{not json",
        headers={"Content-Type": "text/plain"},
        status=415,
        reason="unsupported_media_type",
    )
    yield Bad(
        name="order: namespace before fields on the worker plane",
        path="/api/worker/register",
        body={"task_queue": 5},
        headers={"X-Namespace": "nope"},
        status=404,
        reason="namespace_not_found",
    )
