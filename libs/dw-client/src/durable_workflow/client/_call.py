"""One HTTP request as a value: what to send, and how to read the response.

Nothing here does I/O. Each method of the client builds its `Call`, and `Session` sends it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

from durable_workflow._wire.identifiers import identifier
from durable_workflow._wire.json_values import JsonObject, dict_or_none
from durable_workflow.client._arguments import checked
from durable_workflow.errors import InvalidResponse, UnsendableArgument

T = TypeVar("T")
ResultT = TypeVar("ResultT")

# Its `copy` makes a new one: `dict[str, Any]` takes seven times as long, and each call has three.
_NOTHING: dict[str, Any] = {}

# httpx refuses longer ones, and so do servers.
_LONGEST_URL = 60_000

# Colons are legal in ids and in path segments. The published client does not encode them here.
_COLON_STAYS = frozenset(
    {"workflow_id", "run_id", "schedule_id", "activity_id", "adapter", "task_id"}
)


@dataclass(frozen=True, slots=True)
class Response:
    """The response to a call, which is not a refusal.

    Attributes:
        status: HTTP status.
        body: Parsed JSON; None where the body was empty.
        headers: Response headers, names in any case as the transport gives them.
    """

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class Repeat(Enum):
    """After which failures of the network a request may be sent again."""

    ALWAYS = "always"
    """All: the request is idempotent, or carries a key by which the server finds repetitions."""

    IF_UNSENT = "if unsent"
    """Only those before it was sent: the server would carry it out twice."""

    IF_KEYED = "if keyed"
    """Those before it was sent. All, where the server says that it knows repetitions by key."""

    LONG_POLL = "long poll"
    """All but time-outs: after one more try, a time-out counts as a poll without a task."""


@dataclass(slots=True)
class Call(Generic[T]):
    """One request of the control plane or the worker plane. Nobody changes it.

    It is not frozen: each request makes one or two, which would take four times as long.

    Attributes:
        method: HTTP method.
        route: Path below `/api`, with placeholders in place of ids.
        read: Turns the response into the result of the client method.
        path: Values of the placeholders, unencoded.
        query: Parameters of the query string; those that are None are left out.
        body: JSON object to send; None sends no body.
        worker: Whether it belongs to the worker plane.
        timeout: Seconds in place of the client's own `timeout`; None takes that.
        context: The id that errors about this call name; by default the first one in the path.
        headers: Headers beside those that every request of the plane carries.
        accepted_statuses: Statuses of 400 and more that `read` takes: they are not errors here.
        repeat: Which failures allow another attempt.
        raw_url: Path and query as they are, in place of route, path and query.
    """

    method: str
    route: str
    read: Callable[[Response], T]
    path: Mapping[str, str] = field(default_factory=_NOTHING.copy)
    query: Mapping[str, Any] = field(default_factory=_NOTHING.copy)
    body: JsonObject | None = None
    worker: bool = False
    timeout: float | None = None
    context: str = ""
    headers: Mapping[str, str] = field(default_factory=_NOTHING.copy)
    accepted_statuses: frozenset[int] = frozenset()
    repeat: Repeat = Repeat.ALWAYS
    raw_url: str | None = None

    @property
    def about(self) -> str:
        """The id that errors about this call name; empty where there is none."""
        return str(self.context or next(iter(self.path.values()), "")).strip()

    @property
    def url(self) -> str:
        """Path below `/api` with every segment encoded, and the query string.

        Raises:
            TypeError: An id or a parameter is of a wrong type.
            UnsendableArgument: An id is blank, or too long, or UTF-8 cannot carry it.
        """
        if self.raw_url is not None:
            return self.raw_url
        url = self._encoded
        if len(url) > _LONGEST_URL:
            texts = {name: str(value) for name, value in {**self.path, **self.query}.items()}
            longest = max(texts, key=lambda name: len(texts[name]))
            raise UnsendableArgument(
                longest,
                f"has {len(texts[longest])} characters, too many for the URL of "
                f"{self.method} {self.route}",
            )
        return url

    @property
    def _encoded(self) -> str:
        path = self.route
        if self.path:
            path = path.format_map(
                {name: self._segment(name, value) for name, value in self.path.items()}
            )
        if not self.query:
            return path
        parameters = checked(self.query, worker=self.worker)
        parameters = {name: value for name, value in parameters.items() if value is not None}
        return f"{path}?{urlencode(parameters)}" if parameters else path

    @property
    def document(self) -> Mapping[str, Any] | None:
        """The body as it is sent. See `checked`.

        Raises:
            TypeError: A member is of a wrong type.
            UnsendableArgument: An id is blank.
        """
        return None if self.body is None else checked(self.body, worker=self.worker)

    def held(self, headers: Mapping[str, str], timeout: float | None) -> "Call[T]":
        """The same with further headers, and with another time-out.

        `dataclasses.replace` takes eight times as long, and each wait for a result needs this.
        """
        return Call(
            self.method,
            self.route,
            self.read,
            self.path,
            self.query,
            self.body,
            self.worker,
            timeout,
            self.context,
            {**self.headers, **headers},
            self.accepted_statuses,
            self.repeat,
            self.raw_url,
        )

    def _segment(self, name: str, value: str) -> str:
        trimmed = identifier(name, value)
        # Names of signals, queries and updates are compared exactly.
        is_receiver = name == "name" and self.route.startswith("/workflows/")
        return _segment(name, value if is_receiver else trimmed)


def _segment(name: str, value: str) -> str:
    """Encode one path segment, so that no id leads to another route."""
    if value in {".", ".."}:
        return value.replace(".", "%2E")
    return quote(value, safe=":" if name in _COLON_STAYS else "")


def document(response: Response) -> Any:
    """Read the parsed body as it is."""
    return response.body


def present_document(response: Response) -> Any:
    """Read the parsed body as it is, where there has to be one.

    Raises:
        InvalidResponse: It is empty, and the status does not say so.
    """
    if response.body is None and response.status != 204:
        raise InvalidResponse(response.status, "", problem="expected a JSON document")
    return response.body


def nothing(response: Response) -> None:
    """Ignore the body: the status says all."""
    del response


def json_object(response: Response, reason: str = "invalid_response") -> JsonObject:
    """Read a body that has to be an object.

    Raises:
        InvalidResponse: It is not.
    """
    if (body := dict_or_none(response.body)) is not None:
        return body
    kind = "nothing" if response.body is None else type(response.body).__name__
    raise InvalidResponse(
        200,  # as documented, whichever success it was
        "" if response.body is None else json.dumps(response.body),
        body={"reason": reason, "message": f"expected a JSON object, the server sent {kind}"},
        code=reason,
        problem=f"expected a JSON object, the server sent {kind}",
    )


def reading(
    build: Callable[[JsonObject], ResultT], reason: str = "invalid_response"
) -> Callable[[Response], ResultT]:
    """A reader that hands a body that has to be an object to `build`."""

    def read(response: Response) -> ResultT:
        return build(json_object(response, reason))

    return read


def as_object(reason: str) -> Callable[[Response], JsonObject]:
    """A reader of a body that has to be an object, naming `reason` where it is not."""

    def read(response: Response) -> JsonObject:
        return json_object(response, reason)

    return read
