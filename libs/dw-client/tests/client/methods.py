"""Every method of the client: how it is called, and what it sends."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from durable_workflow.client import Client, ScheduleAction, ScheduleSpec

CONTROL, WORKER = "control", "worker"


@dataclass
class Case:
    """How a method is called, with as little as it takes and with everything, and what it sends.

    Attributes:
        http: HTTP method.
        route: Template of the path below `/api`.
        plane: `control` or `worker`.
        args: Positional arguments.
        least: Arguments by name that it needs.
        full: Arguments by name, all of them; None where `least` is all.
        full_args: Positional arguments of the full call, where they differ.
        required: Keys of the body in both calls.
        optional: Keys of the body in the full call only.
        query: Parameters of the URL in the full call; the other has none.
        returns: Type of what it returns.
    """

    http: str
    route: str
    plane: str
    args: list[Any]
    least: dict[str, Any]
    full: dict[str, Any] | None = None
    full_args: list[Any] | None = None
    required: list[str] = field(default_factory=list[str])
    optional: list[str] = field(default_factory=list[str])
    query: list[str] = field(default_factory=list[str])
    returns: str = "Any"

    @property
    def has_body(self) -> bool:
        return self.http in {"POST", "PUT"}

    @property
    def is_called_in_full(self) -> bool:
        return self.full is not None or self.full_args is not None

    async def call(self, client: Client, name: str, *, in_full: bool) -> Any:
        args = self.full_args if in_full and self.full_args is not None else self.args
        options = self.full if in_full and self.full is not None else self.least
        return await getattr(client, name)(*args, **{k: _typed(k, v) for k, v in options.items()})


def _typed(name: str, value: Any) -> Any:
    """The two arguments that are no JSON."""
    match name:
        case "spec":
            return ScheduleSpec(**value)
        case "action" if not isinstance(value, str):
            return ScheduleAction(**value)
        case _:
            return value


TABLE = json.loads(Path(__file__).with_name("methods.json").read_text())
CASES: dict[str, Case] = {name: Case(**entry) for name, entry in TABLE.items()}
