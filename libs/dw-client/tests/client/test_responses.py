"""Answers that are not the protocol's, and requests without an answer."""

import json
from collections.abc import Callable

import httpx
import pytest

from durable_workflow.client import Client
from durable_workflow.errors import InvalidResponse, ServerError

MakeClient = Callable[..., Client]
Answers = list[httpx.Response | Exception]


@pytest.mark.parametrize(
    "body", [b"<html>" + b"x" * 300, b'{"status": "o', b"\xff{}", b"null", b"[1]"]
)
async def test_a_success_that_is_not_the_protocols_is_an_invalid_response(
    client: Client, answers: Answers, body: bytes
) -> None:
    answers.append(httpx.Response(200, content=body))
    with pytest.raises(InvalidResponse) as caught:
        await client.health()
    assert isinstance(caught.value, ServerError)
    assert isinstance(caught.value, json.JSONDecodeError)
    assert caught.value.status == 200
    assert caught.value.doc == body.decode(errors="replace")[:200].replace("null", "")
    assert "Is base_url the address of a Durable Workflow server?" in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (httpx.ConnectError("refused"), "cannot connect to http://server.test: refused"),
        (httpx.ConnectTimeout(""), "cannot connect to http://server.test: ConnectTimeout"),
        (httpx.ReadTimeout(""), "ReadTimeout (GET http://server.test/api/health)"),
        (httpx.RemoteProtocolError("cut"), "cut (GET http://server.test/api/health)"),
    ],
)
async def test_a_failure_of_the_network_names_the_url(
    make_client: MakeClient, answers: Answers, failure: httpx.TransportError, text: str
) -> None:
    # Three attempts raise one and the same object.
    answers += [failure] * 3
    with pytest.raises(type(failure)) as caught:
        await make_client().health()
    assert str(caught.value) == text
