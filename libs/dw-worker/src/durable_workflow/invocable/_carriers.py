"""Two carriers: a web framework's handler, and an AWS Lambda function behind a URL."""

import asyncio
import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from durable_workflow.external_task_result import EXTERNAL_TASK_RESULT_MEDIA_TYPE
from durable_workflow.invocable._handler import InvocableActivityCallable, InvocableActivityHandler

_INVALID: Final = "invalid_invocable_request"


@dataclass(frozen=True)
class InvocableHttpResponse:
    """What to respond with.

    Attributes:
        status_code: 200 for every task that could be read, 400 otherwise.
        headers: The content type.
        body: JSON, compact and with sorted keys.
    """

    status_code: int
    headers: Mapping[str, str]
    body: str

    def json(self) -> dict[str, Any]:
        """The parsed body.

        Raises:
            ValueError: It is no object.
        """
        parsed = json.loads(self.body)
        if not isinstance(parsed, dict):
            raise ValueError("the body is not a JSON object")
        return cast("dict[str, Any]", parsed)


async def handle_invocable_http_request(
    body: bytes | str | Mapping[str, Any],
    handlers: Mapping[str, InvocableActivityCallable],
    **options: Any,
) -> InvocableHttpResponse:
    """Run the task in the body of a request.

    Args:
        body: The body, or what a framework parsed it to.
        handlers: Functions by activity type.
        options: Further arguments of `InvocableActivityHandler`.

    Raises:
        ValueError: The result codec is not known.
    """
    handler = InvocableActivityHandler(handlers, **options)
    try:
        result = await handler.handle(_envelope(body))
    except ValueError as error:  # of the contract too
        return _response(400, "application/json", {"error": _INVALID, "message": str(error)})
    return _response(200, EXTERNAL_TASK_RESULT_MEDIA_TYPE, result)


async def handle_invocable_lambda_event(
    event: Mapping[str, Any],
    handlers: Mapping[str, InvocableActivityCallable],
    **options: Any,
) -> dict[str, Any]:
    """Run the task in an event of a Lambda function URL or an API gateway.

    Args:
        event: The event; its `body` is the input envelope.
        handlers: Functions by activity type.
        options: Further arguments of `InvocableActivityHandler`.

    Returns:
        `statusCode`, `headers`, `body` and `isBase64Encoded`.

    Raises:
        ValueError: The result codec is not known.
    """
    try:
        body = _body_of(event)
    except ValueError as error:
        response = _response(400, "application/json", {"error": _INVALID, "message": str(error)})
    else:
        response = await handle_invocable_http_request(body, handlers, **options)
    return {
        "statusCode": response.status_code,
        "headers": dict(response.headers),
        "body": response.body,
        "isBase64Encoded": False,
    }


def lambda_invocable_activity_handler(
    handlers: Mapping[str, InvocableActivityCallable], **options: Any
) -> Callable[[Mapping[str, Any], Any], dict[str, Any]]:
    """Make the function that Lambda calls. Each call has an event loop of its own.

    Args:
        handlers: Functions by activity type.
        options: Further arguments of `InvocableActivityHandler`.

    Raises:
        ValueError: The result codec is not known.
    """
    InvocableActivityHandler(handlers, **options)  # a wrong option fails here, and not per event

    def handle(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        del context
        return asyncio.run(handle_invocable_lambda_event(event, handlers, **options))

    return handle


def _envelope(body: bytes | str | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(body, Mapping):
        return body
    try:
        parsed = json.loads(body)
    except RecursionError:
        raise ValueError("the body is nested too deeply") from None
    except TypeError:  # as None, by which some frameworks say that there is no body
        kind = type(body).__name__
        raise ValueError(f"the body must be bytes, text or a mapping, not {kind}") from None
    if not isinstance(parsed, dict):
        raise ValueError("the body must be a JSON object")
    return cast("dict[str, Any]", parsed)


def _body_of(event: object) -> bytes | str | Mapping[str, Any]:
    members: Mapping[str, Any] = {}
    if isinstance(event, Mapping):
        members = cast("Mapping[str, Any]", event)
    body: object = members.get("body")
    if not isinstance(body, str | bytes | Mapping):
        raise ValueError("the event has no body")
    if members.get("isBase64Encoded") is True and isinstance(body, str | bytes):
        try:
            return base64.b64decode(body, validate=True)
        except binascii.Error as error:
            raise ValueError(f"the body is not base64: {error}") from error
    return cast("bytes | str | Mapping[str, Any]", body)


def _response(status: int, content_type: str, document: Mapping[str, Any]) -> InvocableHttpResponse:
    body = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return InvocableHttpResponse(status, {"content-type": content_type}, body)
