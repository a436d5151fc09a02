"""Finding the route of a path: split while still encoded, so that ``a%2Fb`` is one name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import unquote_to_bytes

import msgspec

from durable_workflow.server.http.request import Request
from durable_workflow.server.http.roles import WORKERS
from durable_workflow.server.services.requests import Answer

if TYPE_CHECKING:
    from durable_workflow.server.lifecycle import Server

Plane: TypeAlias = Literal["control", "worker"]
Handler: TypeAlias = "Callable[[Server, Request], Awaitable[Answer]]"

_PREFIX = "/api"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path.

    Attributes:
        template: Below ``/api``, with ``{name}`` for a parameter; it stands in logs and metrics.
        roles: Who may call; empty for everybody, without a login.
        operation: Operation of the ``control_plane`` object; None on routes that have none.
        versioned: Whether the version header is wanted.
        namespaced: Whether the request is about one namespace, which must exist.
    """

    method: str
    template: str
    handler: Handler
    roles: tuple[str, ...]
    plane: Plane = "control"
    operation: str | None = None
    versioned: bool = True
    namespaced: bool = True


def worker_route(template: str, handler: Handler) -> Route:
    """A route of the worker plane: all are POST, for workers alone."""
    return Route(
        method="POST", template=f"/worker{template}", handler=handler, roles=WORKERS, plane="worker"
    )


class Found(msgspec.Struct, frozen=True):
    """What a path leads to: its methods, and the values of its parameters."""

    methods: dict[str, Route]
    names: dict[str, str]


class _Node:
    __slots__ = ("literals", "methods", "parameter", "parameter_names")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.methods: dict[str, Route] = {}
        self.parameter_names: list[str] = []


class Routes:
    """A tree of path segments."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)

    def find(self, raw: bytes) -> Found | None:
        """What a raw path leads to, or None."""
        try:
            segments = [unquote_to_bytes(segment).decode() for segment in raw.split(b"/")]
        except UnicodeDecodeError:
            return None
        values: list[str] = []
        node = _walk(self._root, segments, 1, values)
        if node is None:
            return None
        return Found(node.methods, dict(zip(node.parameter_names, values, strict=True)))

    def _add(self, route: Route) -> None:
        node = self._root
        names: list[str] = []
        for segment in (_PREFIX + route.template).split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        node.methods[route.method] = route
        node.parameter_names = names


def _walk(node: _Node, segments: list[str], at: int, values: list[str]) -> _Node | None:
    if at == len(segments):
        return node if node.methods else None
    segment = segments[at]
    literal = node.literals.get(segment)
    if literal is not None:
        found = _walk(literal, segments, at + 1, values)
        if found is not None:
            return found
    if node.parameter is None or not segment:
        return None
    values.append(segment)
    found = _walk(node.parameter, segments, at + 1, values)
    if found is None:
        values.pop()
    return found
