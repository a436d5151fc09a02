"""Reading HTTP responses: bodies, and the error that a refusal stands for."""

import json
from collections.abc import Mapping
from typing import Any, cast

import httpx

from durable_workflow._wire.extensions import IDEMPOTENCY_KEY
from durable_workflow._wire.json_values import JsonObject, object_or_empty
from durable_workflow.client._call import Call, Repeat
from durable_workflow.client._transport import HttpResponse
from durable_workflow.errors import InvalidResponse, ServerError, error_for

# The query ran, or no worker took it in time. Repeating it would run it, or wait for it, once more.
_UNANSWERED_QUERY = frozenset(
    {"query_worker_timeout", "query_worker_execution_timeout", "query_task_not_claimed"}
)
# Statuses of gateways, which do not know whether the server behind it carried the request out.
_GATEWAY_FAILURES = frozenset({502, 504})


def is_final(call: Call[Any], response: HttpResponse) -> bool:
    """Whether a refusal must not be retried, even if the retry policy would."""
    status = response.status_code
    if status in call.accepted_statuses or (
        call.repeat is Repeat.IF_UNSENT and is_of_gateway(response)
    ):
        return True
    return status == 504 and _reason(error_body(response)) in _UNANSWERED_QUERY


def is_of_gateway(response: HttpResponse) -> bool:
    """Whether it comes from a gateway, and the server behind it may have done what was asked."""
    return response.status_code in _GATEWAY_FAILURES


def knows_keys(info: object) -> bool:
    """Whether cluster info says that the server repeats its answer to an idempotency key."""
    worker_protocol = object_or_empty(object_or_empty(info).get("worker_protocol"))
    capabilities = object_or_empty(worker_protocol.get("server_capabilities"))
    return IDEMPOTENCY_KEY in object_or_empty(capabilities.get("extensions"))


def refusal(call: Call[Any], status: int, body: object) -> Exception:
    """The error that a response of 300 or more stands for."""
    if status < 400:
        # The table of errors has no redirects, and following one could repeat a command.
        return ServerError(status, body)
    # A 404 without a reason means a missing workflow if the context looks like a workflow's. That
    # guess is right on the routes of workflows only: a namespace may be called my-workflows.
    says_what = call.route.startswith("/workflows") or _reason(body) is not None
    return error_for(status, body, context=call.about if says_what else "")


def name_the_url(failure: httpx.TransportError, method: str, base_url: str, url: str) -> None:
    """Have the text of a failed request say which one it was: httpx's own does not."""
    said = str(failure)
    if base_url in said:
        return  # the same object was raised before, as by the mock of a test
    if isinstance(failure, httpx.ConnectError | httpx.ConnectTimeout):
        text = f"cannot connect to {base_url}: {said or type(failure).__name__}"
    else:
        text = f"{said or type(failure).__name__} ({method} {base_url}{url})"
    failure.args = (text,)


def body_of(response: HttpResponse) -> Any:
    """The parsed body of a success; None where it is empty.

    Raises:
        InvalidResponse: It is not JSON.
    """
    if response.status_code == 204 or not response.content:
        return None
    try:
        return response.json()
    except json.JSONDecodeError as error:
        problem = f"not JSON at character {error.pos}: {error.msg}"
        raise InvalidResponse(response.status_code, response.text, problem=problem) from error
    except ValueError as error:  # bytes that are not UTF-8
        raise InvalidResponse(response.status_code, response.text) from error


def error_body(response: HttpResponse) -> object:
    """The parsed body of a refusal, or its text where it is not JSON."""
    try:
        return response.json()
    except ValueError:
        return response.text


def headers_of(response: HttpResponse) -> Mapping[str, str]:
    """The headers; empty where the response is a stand-in of a test that has none."""
    headers: object = getattr(response, "headers", None)
    return cast("Mapping[str, str]", headers) if isinstance(headers, Mapping) else {}


def _reason(body: object) -> object:
    return cast("JsonObject", body).get("reason") if isinstance(body, dict) else None
