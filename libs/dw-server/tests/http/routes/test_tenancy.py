"""Namespaces, their storage policies and the probe, over HTTP (control-plane 6 and 7)."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from durable_workflow.server.app import create_app
from durable_workflow.server.lifecycle import Server
from durable_workflow.server.settings import Settings

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
Json = dict[str, Any]


class Admin:
    """A caller who may do everything."""

    def __init__(self, http: httpx.AsyncClient, server: Server) -> None:
        self.http = http
        self.server = server

    async def __call__(
        self, method: str, path: str, body: Json | None = None, *, namespace: str = "default"
    ) -> tuple[int, Json]:
        headers = CONTROL | {"X-Namespace": namespace}
        answer = await self.http.request(method, f"/api{path}", json=body, headers=headers)
        return answer.status_code, answer.json()


@pytest.fixture
async def admin(tmp_path: Path, as_described: Any) -> AsyncIterator[Admin]:
    server = Server(Settings(db=str(tmp_path / "state.db"), long_poll_timeout=1))
    await server.start()
    transport = httpx.ASGITransport(create_app(server))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://test", timeout=30, event_hooks=as_described
    ) as http:
        yield Admin(http, server)
    await server.stop()


async def test_a_namespace_is_made_shown_changed_and_deleted(admin: Admin) -> None:
    body = {"name": "Billing", "description": "Invoices", "retention_days": 60}
    status, made = await admin("POST", "/namespaces", body)
    assert status == 201
    assert made == {
        "name": "billing",
        "description": "Invoices",
        "retention_days": 60,
        "status": "active",
        "external_payload_storage": None,
        "created_at": made["created_at"],
        "updated_at": made["created_at"],
    }
    assert await admin("GET", "/namespaces/BILLING") == (200, made)

    status, changed = await admin("PUT", "/namespaces/billing", {"retention_days": "7"})
    assert (status, changed["retention_days"], changed["description"]) == (200, 7, "Invoices")
    status, same = await admin("PUT", "/namespaces/billing", {"description": None})
    assert (status, same["description"]) == (200, "Invoices")

    _, listed = await admin("GET", "/namespaces", namespace="not-there")
    assert [each["name"] for each in listed["namespaces"]] == ["default", "billing"]

    status, gone = await admin("DELETE", "/namespaces/billing")
    assert (status, gone["name"], gone["status"]) == (200, "billing", "deleted")
    status, body = await admin("GET", "/namespaces/billing")
    assert (status, body["reason"], body["namespace"]) == (404, "namespace_not_found", "billing")


async def test_a_namespace_has_the_server_s_retention_where_none_is_named(admin: Admin) -> None:
    _, made = await admin("POST", "/namespaces", {"name": "a", "description": None})
    assert made["retention_days"] == 30


async def test_a_name_is_used_once(admin: Admin) -> None:
    await admin("POST", "/namespaces", {"name": "a"})
    status, body = await admin("POST", "/namespaces", {"name": "A"})
    assert (status, body["reason"], body["namespace"]) == (409, "namespace_already_exists", "a")


async def test_the_default_namespace_stays(admin: Admin) -> None:
    status, body = await admin("DELETE", "/namespaces/Default")
    assert (status, body["reason"]) == (409, "default_namespace_protected")
    assert (await admin("GET", "/workflows"))[0] == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "a/b"}, "name"),
        ({"name": "."}, "name"),
        ({"name": ".."}, "name"),
        ({"name": "x" * 129}, "name"),
        ({"name": "a", "retention_days": 0}, "retention_days"),
        ({"name": "a", "retention_days": 366}, "retention_days"),
        ({"name": "a", "description": "x" * 1001}, "description"),
        ({"name": "a", "description": 5}, "description"),
    ],
)
async def test_a_namespace_that_does_not_fit_is_refused(
    admin: Admin, body: Json, field: str
) -> None:
    status, told = await admin("POST", "/namespaces", body)
    assert (status, [*told["errors"]]) == (422, [field])
    assert len((await admin("GET", "/namespaces"))[1]["namespaces"]) == 1


async def _settle(admin: Admin, namespace: str, *, count: int) -> None:
    worker = {"worker_id": "w", "task_queue": "q", "runtime": "python"}
    headers = {"X-Durable-Workflow-Protocol-Version": "1.1", "X-Namespace": namespace}
    await admin.http.post("/api/worker/register", json=worker, headers=headers)
    for number in range(count):
        start = {
            "workflow_id": f"wf-{number}",
            "workflow_type": "t",
            "task_queue": "q",
            "search_attributes": {"Tier": "gold"},
        }
        status, _ = await admin("POST", "/workflows", start, namespace=namespace)
        assert status == 201
        await admin("POST", f"/workflows/wf-{number}/signal/go", {}, namespace=namespace)
    for name in ("nightly", "weekly", "old"):
        schedule = {
            "schedule_id": name,
            "spec": {"cron_expressions": ["0 0 29 2 *"]},
            "action": {"workflow_type": "t"},
        }
        assert (await admin("POST", "/schedules", schedule, namespace=namespace))[0] == 201
    assert (await admin("DELETE", "/schedules/old", namespace=namespace))[0] == 200


async def test_everything_in_a_namespace_goes_with_it_and_nothing_else(admin: Admin) -> None:
    for name in ("going", "staying"):
        await admin("POST", "/namespaces", {"name": name})
        await admin(
            "POST", "/search-attributes", {"name": "Tier", "type": "keyword"}, namespace=name
        )
    await _settle(admin, "going", count=230)
    await _settle(admin, "staying", count=3)

    status, body = await admin("DELETE", "/namespaces/going")

    assert (status, body["deleted"]) == (
        200,
        {
            "workflow_runs": 230,
            "workflow_schedules": 2,
            "search_attribute_definitions": 1,
            "workflow_worker_registrations": 1,
        },
    )
    assert (await admin("GET", "/workflows", namespace="going"))[0] == 404
    await admin("POST", "/namespaces", {"name": "going"})
    query = "/workflows?query=Tier%3D'gold'"
    assert (await admin("GET", query, namespace="going"))[1]["workflow_count"] == 0
    assert (await admin("GET", query, namespace="staying"))[1]["workflow_count"] == 3
    assert (await admin("GET", "/schedules/old/history", namespace="going"))[0] == 404
    assert len((await admin("GET", "/schedules", namespace="staying"))[1]["schedules"]) == 2
    status, again = await admin(
        "POST", "/workflows", {"workflow_id": "wf-1", "workflow_type": "t"}, namespace="going"
    )
    assert (status, again["outcome"]) == (201, "started_new")


async def test_a_deletion_that_was_cut_short_is_finished_at_the_next_start(
    admin: Admin, tmp_path: Path
) -> None:
    from durable_workflow.server.services import namespaces

    await admin("POST", "/namespaces", {"name": "going"})
    await _settle(admin, "going", count=3)
    await namespaces.begin_deletion(admin.server.store, "going", default="default")
    status, body = await admin("POST", "/namespaces", {"name": "going"})
    assert (status, body["reason"]) == (409, "namespace_already_exists")
    assert "still being deleted" in body["message"]
    await admin.server.stop()

    server = Server(Settings(db=str(tmp_path / "state.db")))
    await server.start()
    transport = httpx.ASGITransport(create_app(server))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        again = Admin(http, server)
        assert (await again("POST", "/namespaces", {"name": "going"}))[0] == 201
        listed = (await again("GET", "/workflows", namespace="going"))[1]
        assert listed["workflow_count"] == 0
    await server.stop()


# --- storage -------------------------------------------------------------------------------------


async def test_a_policy_replaces_the_one_before_and_has_a_threshold(admin: Admin) -> None:
    path = "/namespaces/default/external-storage"
    config = {"bucket": "b", "prefix": "p/", "region": "", "unknown": "x", "uri": None}
    policy = {"driver": "s3", "enabled": True, "threshold_bytes": 524288, "config": config}
    status, body = await admin("PUT", path, policy)
    assert status == 200
    assert body["external_payload_storage"] == {
        "driver": "s3",
        "enabled": True,
        "threshold_bytes": 524288,
        "config": {"bucket": "b", "prefix": "p/"},
    }
    _, body = await admin("PUT", path, {"driver": "local", "enabled": 0})
    assert body["external_payload_storage"] == {
        "driver": "local",
        "enabled": False,
        "threshold_bytes": 65536,
    }
    assert (await admin("GET", "/namespaces/default"))[1] == body
    status, body = await admin("PUT", "/namespaces/nope/external-storage", {"driver": "s3"})
    assert (status, body["reason"]) == (404, "namespace_not_found")


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        ({}, "driver"),
        ({"driver": "ftp"}, "driver"),
        ({"driver": "s3", "threshold_bytes": 0}, "threshold_bytes"),
        ({"driver": "s3", "enabled": "maybe"}, "enabled"),
        ({"driver": "s3", "config": "x"}, "config"),
        ({"driver": "s3", "config": {"bucket": 5}}, "config.bucket"),
        ({"driver": "s3", "config": {"prefix": "x" * 1025}}, "config.prefix"),
        ({"driver": "local", "config": {"uri": "../elsewhere"}}, "config.uri"),
        ({"driver": "local", "config": {"uri": "/etc"}}, "config.uri"),
        ({"driver": "local", "config": {"uri": "file:///etc"}}, "config.uri"),
        ({"driver": "local", "config": {"uri": "."}}, "config.uri"),
        ({"driver": "local", "config": {"uri": "s3://bucket"}}, "config.uri"),
        ({"driver": "local", "config": {"uri": "file://other/x"}}, "config.uri"),
    ],
)
async def test_a_policy_that_does_not_fit_is_refused(
    admin: Admin, policy: Json, field: str
) -> None:
    status, told = await admin("PUT", "/namespaces/default/external-storage", policy)
    assert (status, [*told["errors"]]) == (422, [field])
    assert (await admin("GET", "/namespaces/default"))[1]["external_payload_storage"] is None


async def test_no_symbolic_link_leads_a_policy_out_of_the_root(
    admin: Admin, tmp_path: Path
) -> None:
    root = tmp_path / "state.db.payloads"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    policy = {"driver": "local", "config": {"uri": "link/out"}}
    status, told = await admin("PUT", "/namespaces/default/external-storage", policy)
    assert (status, [*told["errors"]]) == (422, ["config.uri"])


async def test_no_link_called_as_the_namespace_leads_out_of_the_root(
    admin: Admin, tmp_path: Path
) -> None:
    root, outside = tmp_path / "state.db.payloads", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "default").symlink_to(outside)
    await admin("PUT", "/namespaces/default/external-storage", {"driver": "local"})
    status, told = await admin("POST", "/storage/test", {})
    assert (status, told["reason"]) == (422, "storage_driver_unavailable")
    assert "below DW_EXTERNAL_STORAGE_ROOT" in told["message"]
    assert not [*outside.iterdir()]


@pytest.mark.parametrize("uri", [None, "payloads/a", "FILE"])
async def test_a_probe_writes_reads_and_deletes(
    admin: Admin, tmp_path: Path, uri: str | None
) -> None:
    root = tmp_path / "state.db.payloads"
    uri = (root / "there").as_uri() if uri == "FILE" else uri
    policy = {"driver": "local", "config": {"uri": uri}}
    assert (await admin("PUT", "/namespaces/default/external-storage", policy))[0] == 200

    status, body = await admin("POST", "/storage/test", {"small_payload_bytes": 10})

    assert (status, body["status"], body["namespace"]) == (200, "passed", "default")
    small, large = body["small_payload"], body["large_payload"]
    assert small["sha256"] == hashlib.sha256(b"s" * 10).hexdigest()
    assert (small["bytes"], large["bytes"]) == (10, 2_097_152)
    for payload in (small, large):
        assert payload["status"] == "passed"
        assert (payload["wrote"], payload["read"], payload["verified"]) == (True, True, True)
        assert payload["latency_ms"] > 0
        assert payload["reference_uri"].startswith(root.as_uri())
    assert [path for path in root.rglob("*") if path.is_file()] == []


async def test_a_probe_needs_no_policy_where_the_driver_is_named(admin: Admin) -> None:
    status, body = await admin("POST", "/storage/test", {"driver": "local"})
    assert (status, body["driver"]) == (200, "local")


async def test_a_probe_says_why_it_cannot_be_made(admin: Admin, tmp_path: Path) -> None:
    async def refused(body: Json | None = None) -> tuple[str, Json]:
        status, told = await admin("POST", "/storage/test", body or {})
        assert (status, told["status"], told["namespace"]) == (422, "failed", "default")
        return told["reason"], told

    async def policy(**fields: Any) -> None:
        assert (await admin("PUT", "/namespaces/default/external-storage", fields))[0] == 200

    assert (await refused())[0] == "external_storage_not_configured"
    await policy(driver="s3", enabled=False)
    assert (await refused())[0] == "external_storage_disabled"
    await policy(driver="s3")
    reason, told = await refused()
    assert (reason, told["driver"]) == ("storage_driver_unavailable", "s3")
    assert told["supported_diagnostic_drivers"][0] == "local"
    reason, told = await refused({"driver": "local"})
    assert (reason, told["driver"]) == ("storage_driver_unavailable", "local")
    await policy(driver="local")
    (tmp_path / "state.db.payloads").write_text("in the way")
    assert (await refused())[0] == "storage_driver_unavailable"


async def test_sizes_of_a_probe_are_bounded(admin: Admin) -> None:
    sizes = {"small_payload_bytes": 1_048_577, "large_payload_bytes": 16_777_217}
    status, told = await admin("POST", "/storage/test", {"driver": "local", **sizes})
    assert (status, sorted(told["errors"])) == (422, sorted(sizes))
