"""The export route over ASGI."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import tempfile
from typing import Any

import pytest

from durable_workflow.server.exporting.canonical import canonical

from .conftest import CONTROL

Wire = Any
Json = dict[str, Any]


async def _export(wire: Wire, run_id: str, **headers: str) -> Any:
    path = f"/api/workflows/wf/runs/{run_id}/history/export"
    return await wire.http.get(path, headers=CONTROL | headers)


def _checksum(bundle: Json) -> str:
    bare = {key: value for key, value in bundle.items() if key != "integrity"}
    return hashlib.sha256(canonical(bare)).hexdigest()


async def test_the_text_of_a_bundle_is_the_one_that_its_checksum_is_of(wire: Wire) -> None:
    run_id = await wire.start()
    answer = await _export(wire, run_id)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    bundle = answer.json()
    assert list(bundle)[:-1] == sorted(list(bundle)[:-1])
    assert bundle["integrity"]["checksum"] == _checksum(bundle)
    assert bundle["integrity"]["signature"] is None
    assert "control_plane" not in bundle


@pytest.mark.parametrize("encoding", ["gzip", "deflate;q=0.5", "identity"])
async def test_a_bundle_is_compressed_while_it_is_sent(wire: Wire, encoding: str) -> None:
    run_id = await wire.start()
    for number in range(200):
        await wire.post("/wf/signal/go", {"input": [f"№ {number}"] * 50})
    answer = await _export(wire, run_id, **{"Accept-Encoding": encoding})
    # httpx unpacks gzip; raw deflate, which the protocol has, it unpacks too.
    bundle = json.loads(answer.content)
    assert len(bundle["signals"]) == 200
    assert bundle["integrity"]["checksum"] == _checksum(bundle)


async def test_a_head_request_gets_no_bundle(wire: Wire) -> None:
    run_id = await wire.start()
    answer = await wire.http.head(
        f"/api/workflows/wf/runs/{run_id}/history/export", headers=CONTROL
    )
    assert (answer.status_code, answer.content) == (200, b"")


async def test_a_run_that_is_not_there_is_refused_as_history_is(wire: Wire) -> None:
    await wire.start()
    answer = await _export(wire, "01x")
    assert (answer.status_code, answer.json()["reason"]) == (404, "run_not_found")
    assert answer.json()["control_plane"]["operation"] == "history"


class FullFile(io.BytesIO):
    """A file on a disk that has room for 500 bytes."""

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > 500:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def make_full(**_: Any) -> FullFile:
    return FullFile()


async def test_a_bundle_without_room_is_refused_before_it_begins(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run_id = await wire.start()
    with monkeypatch.context() as full:
        full.setattr(tempfile, "SpooledTemporaryFile", make_full)
        answer = await _export(wire, run_id)
    assert (answer.status_code, answer.json()["reason"]) == (503, "store_unavailable")
    assert answer.headers["Retry-After"] == "1"
    assert "No space left on device" in caplog.text
    bundle = (await _export(wire, run_id)).json()
    assert bundle["integrity"]["checksum"] == _checksum(bundle)


async def test_refused_commands_are_listed_with_what_was_sent(wire: Wire) -> None:
    run_id = await wire.start()
    await wire.post("/wf/terminate", {"reason": "over"})
    await wire.post("/wf/signal/go", {"input": ["late"]})
    again = {"workflow_id": "wf", "workflow_type": "t", "task_queue": "q", "input": [2]}
    assert (await wire.post("", again)).status_code == 409
    bundle = (await _export(wire, run_id)).json()
    refused = [each for each in bundle["commands"] if each["status"] == "rejected"]
    assert [each["type"] for each in refused] == ["signal", "start"]
    assert all(each["payload"] for each in refused)
    assert refused[1]["payload"] != bundle["payloads"]["arguments"]["data"]
    [signal] = bundle["signals"]
    assert (signal["status"], signal["rejection_reason"]) == ("rejected", "run_not_active")
    entries = {each["path"]: each for each in bundle["payload_manifest"]["entries"]}
    assert entries["signals.0.arguments"]["available"] is True
    assert entries["payloads.output.data"]["available"] is False
