"""How much a server gives out at most: leases and dispatches, by queue, namespace and group."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import msgspec

TaskKind: TypeAlias = Literal["workflow", "activity"]


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """What may be given out of one kind of tasks; None is no limit.

    Attributes:
        dispatch_budget_group: Queues that name one group share its dispatches per minute, whatever
            their namespaces.
    """

    max_active_leases_per_queue: int | None = None
    max_active_leases_per_namespace: int | None = None
    max_dispatches_per_minute: int | None = None
    max_dispatches_per_minute_per_namespace: int | None = None
    dispatch_budget_group: str | None = None
    max_dispatches_per_minute_per_budget_group: int | None = None

    @property
    def limits_leases(self) -> bool:
        """Whether the leases that there are count."""
        return (
            self.max_active_leases_per_queue is not None
            or self.max_active_leases_per_namespace is not None
        )

    @property
    def limits_anything(self) -> bool:
        """Whether there is any limit."""
        return self != NO_BUDGET


NO_BUDGET: Final = Budget()
_KINDS: Final[tuple[TaskKind, ...]] = ("workflow", "activity")
_ALIASES: Final = {"max_active_leases": "max_active_leases_per_queue"}


class AdmissionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The budgets of a server.

    Attributes:
        workflow: Of workflow tasks, where a queue has no other.
        activity: Of activity tasks, likewise.
        overrides: Members that queues have of their own: by ``namespace:queue``, ``namespace:*``,
            ``queue`` or ``*``, then by kind.
    """

    workflow: Budget = NO_BUDGET
    activity: Budget = NO_BUDGET
    overrides: dict[str, dict[str, dict[str, Any]]] = {}

    def budget(self, kind: TaskKind, namespace: str, task_queue: str) -> Budget:
        """The budget of one kind of tasks of a queue: each member by its most specific key."""
        usual = self.workflow if kind == "workflow" else self.activity
        if not self.overrides:
            return usual
        own: dict[str, Any] = {}
        for key in ("*", task_queue, f"{namespace}:*", f"{namespace}:{task_queue}"):
            own |= self.overrides.get(key, {}).get(kind, {})
        return msgspec.structs.replace(usual, **own) if own else usual

    def is_overridden(self, kind: TaskKind, namespace: str, task_queue: str) -> bool:
        """Whether a queue has members of its own."""
        keys = ("*", task_queue, f"{namespace}:*", f"{namespace}:{task_queue}")
        return any(self.overrides.get(key, {}).get(kind) for key in keys)


def read_overrides(text: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Read the budgets of queues, a JSON object.

    Raises:
        ValueError: It is none, or has members that do not fit; the text names them.
    """
    try:
        found: object = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise ValueError("must be a JSON object") from None
    return {queue: _kinds(of_queue, queue) for queue, of_queue in _members(found, "it").items()}


def _kinds(found: object, at: str) -> dict[str, dict[str, Any]]:
    kinds = {f"{kind}_tasks": kind for kind in _KINDS}
    read: dict[str, dict[str, Any]] = {}
    for name, members in _members(found, at).items():
        if name not in kinds:
            raise ValueError(f"{at}.{name} must be one of {', '.join(kinds)}")
        read[kinds[name]] = dict(
            _member(key, value, f"{at}.{name}")
            for key, value in _members(members, f"{at}.{name}").items()
        )
    return read


def _member(key: str, value: object, at: str) -> tuple[str, Any]:
    name = _ALIASES.get(key, key)
    if name not in Budget.__struct_fields__:
        raise ValueError(f"{at}.{key} is not known")
    if value is None:
        return name, None
    if name == "dispatch_budget_group":
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"{at}.{key} must be a name")
        return name, value.strip()
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{at}.{key} must be a whole number, 1 or more")
    return name, value


def _members(found: object, at: str) -> Mapping[str, object]:
    try:
        return msgspec.convert(found, dict[str, object])
    except msgspec.ValidationError:
        raise ValueError(f"{at} must be a JSON object") from None
