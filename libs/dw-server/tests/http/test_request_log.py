"""What is logged of requests, and the ids that they have."""

from __future__ import annotations

import re

import httpx
import pytest

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}


async def test_a_refused_login_is_logged_without_what_was_presented(
    guarded: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answers = [
        await guarded.get(
            "/api/workflows",
            headers={**CONTROL, "Authorization": f"Bearer {token}", "X-Request-Id": f"id-{token}"},
        )
        for token in ("guessed", "w", "o")
    ]

    assert [answer.status_code for answer in answers] == [401, 403, 200]
    assert [each.getMessage() for each in caplog.records if "login" in each.getMessage()] == [
        "a login was refused (unauthorized) to 127.0.0.1",
        "a login was refused (forbidden) to 127.0.0.1",
    ]
    assert "guessed" not in caplog.text
    assert answers[0].headers["x-request-id"] == "id-guessed"


async def test_a_refusal_has_an_id_that_its_log_has_too(client: httpx.AsyncClient) -> None:
    missing = await client.get("/api/workflows/none", headers=CONTROL)
    fine = await client.get("/api/health")

    assert re.fullmatch("[0-9a-f]{16}", missing.headers["x-request-id"])
    assert "x-request-id" not in fine.headers
