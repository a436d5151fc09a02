"""Who asked for a command, and through which request: stored, and shown in history (2.6)."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import msgspec
import pytest

from durable_workflow.server.lifecycle import Server
from durable_workflow.server.records import command_records
from durable_workflow.server.settings import AuthSettings, Settings

Json = dict[str, Any]
VERSION = {"X-Durable-Workflow-Control-Plane-Version": "2"}
START = {"workflow_id": "wf", "workflow_type": "t", "task_queue": "q"}
FORWARDED = {
    "X-Workflow-Caller-Type": "console",
    "X-Workflow-Caller-Label": "Ada",
    "X-Workflow-Auth-Status": "authorized",
    "X-Workflow-Auth-Method": "oidc",
}
SETTINGS = Settings(db=":memory:", long_poll_timeout=0)


async def commands(server: Server, client: httpx.AsyncClient) -> tuple[list[Json], list[Json]]:
    """The stored contexts of the commands to `wf`, and the snapshots in its history."""
    described = (await client.get("/api/workflows/wf", headers=VERSION)).json()
    run_id = described["run_id"]
    stored = await server.store.read(
        lambda read: command_records.of_run(read, run_id, after=0, most=10)
    )
    path = f"/api/workflows/wf/runs/{run_id}/history"
    events = (await client.get(path, headers=VERSION)).json()["events"]
    shown = [each["payload"]["command"] for each in events if "command" in each["payload"]]
    return [each.context for each in stored], shown


async def test_a_command_is_stored_with_its_request(connected: Any) -> None:
    server = Server(SETTINGS)
    async with connected(server=server) as client:
        about = {"X-Request-Id": "req-1", "X-Correlation-Id": "story-1", "User-Agent": "test"}
        await client.post("/api/workflows", json=START, headers=VERSION | about)
        [context], [shown] = await commands(server, client)
    request = context["request"]
    assert (request["request_id"], request["correlation_id"]) == ("req-1", "story-1")
    assert request["headers"] == {"x_request_id": "req-1", "x_correlation_id": "story-1"}
    assert (request["method"], request["path"]) == ("POST", "/api/workflows")
    assert request["fingerprint"].startswith("sha256:")
    assert context["caller"] == {"type": "server", "label": "Standalone Server"}
    assert context["auth"]["status"] == "not_configured"
    assert context["auth"]["principal"]["legacy_full_access"] is True
    assert (shown["request_id"], shown["correlation_id"]) == ("req-1", "story-1")
    assert "requested_run_id" not in shown


@pytest.mark.parametrize("trusted", [False, True])
async def test_a_proxy_speaks_for_the_caller_only_where_it_is_trusted(
    connected: Any, trusted: bool
) -> None:
    auth = AuthSettings(operator_token="o")
    settings = msgspec.structs.replace(SETTINGS, trust_forwarded_attribution=trusted, auth=auth)
    server = Server(settings)
    headers = VERSION | {"Authorization": "Bearer o"}
    async with connected(server=server, headers=headers) as client:
        await client.post("/api/workflows", json=START, headers=FORWARDED)
        [context], [shown] = await commands(server, client)
    caller = {"type": "console", "label": "Ada"}
    assert context["caller"] == (
        caller if trusted else {"type": "server", "label": "Standalone Server"}
    )
    assert context["auth"]["status"] == "authorized"
    assert context["auth"]["method"] == ("oidc" if trusted else "token")
    # What the server knows itself is told all the same.
    assert context["auth"]["principal"] == {"subject": "role:operator", "roles": ["operator"]}
    assert shown["caller_label"] == ("Ada" if trusted else "Standalone Server")
    assert shown["auth_method"] == ("oidc" if trusted else "token")


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("Zoë Müller".encode(), "Zoë Müller"),
        ("Zoë".encode("latin-1"), "Zoë"),
        (b"  Ada ", "Ada"),
        (b"   ", "Standalone Server"),
        ("ü".encode() * 300, "ü" * 255),
    ],
)
async def test_what_a_proxy_says_is_read_as_text(connected: Any, sent: bytes, told: str) -> None:
    server = Server(msgspec.structs.replace(SETTINGS, trust_forwarded_attribution=True))
    async with connected(server=server) as client:
        headers = {**VERSION, "X-Workflow-Caller-Label": sent}
        answer = await client.post("/api/workflows", json=START, headers=headers)
        assert answer.status_code == 201, answer.text
        [context], [shown] = await commands(server, client)
    assert context["caller"]["label"] == shown["caller_label"] == told


async def test_forwarded_headers_open_no_door(connected: Any) -> None:
    auth = AuthSettings(operator_token="o")
    settings = msgspec.structs.replace(SETTINGS, trust_forwarded_attribution=True, auth=auth)
    async with connected(settings) as client:
        answer = await client.post("/api/workflows", json=START, headers=VERSION | FORWARDED)
    assert answer.status_code == 401


async def test_a_history_says_who_asked_for_each_command(connected: Any) -> None:
    server = Server(SETTINGS)
    about = {"X-Request-Id": "req-1", "X-Correlation-Id": "story-1"}
    asked: list[tuple[str, Json]] = [
        ("/signal/a", {"input": ["x"], "request_id": "sent-1"}),
        ("/update/b", {"input": ["x"]}),
        ("/terminate", {"reason": "no more"}),
    ]
    async with connected(server=server) as client:
        start = {**START, "memo": {"command": {"id": "x", "sequence": 1}}}
        await client.post("/api/workflows", json=start, headers=VERSION | about)
        for path, body in asked:
            await client.post(f"/api/workflows/wf{path}", json=body, headers=VERSION | about)
        contexts, shown = await commands(server, client)
        described = (await client.get("/api/workflows/wf", headers=VERSION)).json()
        path = f"/api/workflows/wf/runs/{described['run_id']}/history"
        whole = (await client.get(path, headers=VERSION)).json()["events"]
        query = f"?page_size=2&next_page_token={base64.b64encode(b'2').decode()}"
        page = (await client.get(path + query, headers=VERSION)).json()["events"]
    assert [each["context"] for each in shown] == contexts
    assert [each["server"]["command"] for each in contexts] == [
        *("start", "signal", "update", "terminate")
    ]
    assert shown[1]["context"]["server"]["metadata"] == {"request_id": "sent-1", "signal_name": "a"}
    assert whole[0]["payload"]["memo"] == start["memo"]
    assert page == whole[2:4]


async def test_a_command_to_a_run_says_which_run_was_named(connected: Any) -> None:
    server = Server(SETTINGS)
    async with connected(server=server) as client:
        started = await client.post("/api/workflows", json=START, headers=VERSION)
        run_id = started.json()["run_id"]
        for path in ("/signal/a", f"/runs/{run_id}/signal/b"):
            await client.post(f"/api/workflows/wf{path}", json={}, headers=VERSION)
        _, shown = await commands(server, client)
    assert [each.get("requested_run_id") for each in shown] == [None, None, run_id]
    assert [each["resolved_run_id"] for each in shown] == [run_id] * 3


async def test_a_command_over_the_bridge_is_stored_with_its_event(connected: Any) -> None:
    server = Server(SETTINGS)
    event = {
        "action": "start_workflow",
        "idempotency_key": "evt-1",
        "target": START,
        "correlation": {"provider": "shop"},
    }
    async with connected(server=server) as client:
        path = "/api/bridge-adapters/webhook/shop"
        answer = await client.post(path, json=event, headers=VERSION)
        assert answer.status_code == 202, answer.text
        [context], [shown] = await commands(server, client)
    assert context["server"]["command"] == "bridge.start_workflow"
    metadata = context["server"]["metadata"]
    assert (metadata["adapter"], metadata["idempotency_key"]) == ("shop", "evt-1")
    assert metadata["correlation"] == {"provider": "shop"}
    assert (shown["type"], shown["request_path"]) == ("start", path)


@pytest.mark.parametrize(
    ("exposed", "token", "told"),
    [(True, "a", True), (True, "o", False), (True, "w", False), (False, "a", False)],
)
async def test_the_source_of_the_package_is_told_to_admins_where_that_is_set(
    connected: Any, guarded_settings: Settings, exposed: bool, token: str, told: bool
) -> None:
    settings = msgspec.structs.replace(guarded_settings, expose_package_provenance=exposed)
    async with connected(settings) as client:
        headers = {"Authorization": f"Bearer {token}"}
        body = (await client.get("/api/cluster/info", headers=headers)).json()
    assert ("package_provenance" in body) is told
    if told:
        assert set(body["package_provenance"]) == {"source", "ref", "commit"}
        assert body["package_provenance"]["source"]
