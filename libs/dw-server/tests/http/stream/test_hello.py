"""The first message of a stream."""

from __future__ import annotations

from typing import Any

import pytest

HELLO: dict[str, Any] = {
    "type": "hello",
    "worker_id": "w",
    "session": "s",
    "task_queue": "q",
    "slots": {},
}


@pytest.mark.parametrize(
    ("changed", "status", "reason"),
    [
        ({"worker_id": "nobody"}, 412, "worker_not_registered"),
        ({"session": "another"}, 412, "worker_not_registered"),
        ({"task_queue": "another"}, 409, "task_queue_mismatch"),
        ({"build_id": "another"}, 409, "build_id_mismatch"),
        ({"session": None}, 422, "validation_failed"),
        ({"slots": {"workflow": -1}}, 422, "validation_failed"),
        ({"slots": {"workflow": "many"}}, 422, "validation_failed"),
        ({"held": [{"kind": "dance"}]}, 422, "validation_failed"),
        ({"held": 1}, 422, "validation_failed"),
    ],
)
async def test_a_hello_that_does_not_fit_is_refused_and_the_stream_closed(
    stage: Any, peers: Any, changed: dict[str, Any], status: int, reason: str
) -> None:
    await stage.register(build_id="b")
    peer = peers(await stage.socket())
    await peer.send(HELLO | changed)
    refused = await peer.next("refused")
    assert (refused["status"], refused["body"]["reason"]) == (status, reason)
    assert await peer.ended() == 4000 + status


async def test_a_stream_begins_with_hello(stage: Any, peers: Any) -> None:
    await stage.register()
    peer = peers(await stage.socket())
    await peer.send({"type": "slots", "workflow": 1})
    assert await peer.ended() == 1007
