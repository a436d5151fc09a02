"""Find the route of a path. It is split before it is decoded, so that ``a%2Fb`` is one name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias
from urllib.parse import unquote_to_bytes

import msgspec

Plane: TypeAlias = Literal["control", "worker"]


class Route(msgspec.Struct, frozen=True):
    """One method of one path.

    Attributes:
        template: Below the prefix, with ``{name}`` for a parameter; it stands in logs and metrics.
        operation: What is asked: the name of an operation of the api.
        shown_operation: The name in the ``control_plane`` object; None on routes that have none.
        versioned: Whether the version header is wanted.
        prefix: What every path begins with, but for those that other programs expect elsewhere.
    """

    method: str
    template: str
    operation: str
    plane: Plane = "control"
    shown_operation: str | None = None
    versioned: bool = True
    prefix: str = "/api"

    @property
    def path(self) -> str:
        """The template from the root on."""
        return self.prefix + self.template


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
        # Those whose path has no parameters, by it; most requests are for such.
        self._fixed: dict[bytes, _Node] = {}
        for route in routes:
            self._add(route)

    def find(self, raw: bytes) -> Found | None:
        """What a raw path leads to, or None."""
        fixed = self._fixed.get(raw)
        if fixed is not None:
            return Found(fixed.methods, {})
        try:
            if b"%" in raw:
                segments = [unquote_to_bytes(segment).decode() for segment in raw.split(b"/")]
            else:
                segments = raw.decode().split("/")
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
        for segment in route.path.split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        node.methods[route.method] = route
        node.parameter_names = names
        if not names:
            self._fixed[route.path.encode()] = node


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
