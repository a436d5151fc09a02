"""A run that is ended twice under one idempotency key is told so once, and answered twice."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import Caller, CloseWorkflow
from durable_workflow.server.services import ends
from durable_workflow.server.services.repetitions import once

KEYED = Caller(namespace="default", idempotency_key="k", method="POST", path="/p", body_sha256="1")
VERBS = {"cancelled": ends.cancel, "terminated": ends.terminate}


async def end(server: Any, status: str, caller: Caller = KEYED) -> Reply:
    request = CloseWorkflow(workflow_id="wf", reason="enough")
    reply: Reply = await server.run(once(VERBS[status]), caller, request)
    return reply


@pytest.mark.parametrize("status", VERBS)
async def test_a_repeated_end_gets_the_first_answer(server: Any, status: str) -> None:
    await server.start()
    first = await end(server, status)
    assert first.reason is None
    assert first.body["outcome"] == status
    assert await end(server, status) == first
    another = await end(server, status, msgspec.structs.replace(KEYED, idempotency_key="other"))
    assert another.reason == "run_not_active"


async def test_a_refusal_is_repeated_and_another_key_asks_again(server: Any) -> None:
    await server.start()
    await end(server, "terminated", msgspec.structs.replace(KEYED, idempotency_key="first"))
    refused = await end(server, "cancelled")
    assert refused.reason == "run_not_active"
    await server.start(duplicate_policy="allow")
    assert await end(server, "cancelled") == refused
    another = await end(
        server, "cancelled", msgspec.structs.replace(KEYED, idempotency_key="other")
    )
    assert another.reason is None
