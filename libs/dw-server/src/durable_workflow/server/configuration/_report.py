"""What `--help` and `check-config` print of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from durable_workflow.server.configuration._sources import Configuration
from durable_workflow.server.configuration._variables import VARIABLES, Variable, key_of
from durable_workflow.server.settings import Settings

REDACTED: Final = "********"
_UNSET: Final = "(unset)"


def listed() -> str:
    """Every variable with what it is about and its default, a line each."""
    defaults = values(Settings())
    width = max(len(name) for name in defaults)
    lines = [
        f"  {name:{width}}  {variable.about} ({_default(shown(variable, defaults[name]))})"
        for variables in VARIABLES.values()
        for name, variable in variables.items()
    ]
    return "\n".join(lines)


def report(configuration: Configuration) -> str:
    """Every setting with its value, redacted where it is a secret, and its origin, a line each."""
    found = values(configuration.settings)
    rows = [("setting", "value", "origin")]
    for variables in VARIABLES.values():
        for name, variable in variables.items():
            given = configuration.given.get(name)
            origin = "default" if given is None else given.origin
            fits = name not in configuration.unfit
            value = shown(variable, found[name]) if fits else "(does not fit)"
            rows.append((key_of(name), value, origin))
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{a:{widths[0]}}  {b:{widths[1]}}  {c}" for a, b, c in rows)


def values(settings: Settings) -> dict[str, Any]:
    """The value of every variable."""
    admission = settings.services.admission
    groups: Mapping[str, msgspec.Struct] = {
        "server": settings,
        "auth": settings.auth,
        "log": settings.log,
        "services": settings.services,
        "export": settings.export,
        "wire": settings.wire,
        "limits": settings.services.limits,
        "workflow_budget": admission.workflow,
        "activity_budget": admission.activity,
        "admission": admission,
    }
    return {
        name: getattr(groups[group], variable.field)
        for group, variables in VARIABLES.items()
        for name, variable in variables.items()
    }


def shown(variable: Variable, value: Any) -> str:
    """A value as text, never a secret one."""
    if value is None or value == {}:
        return _UNSET
    if variable.secret:
        return REDACTED
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}" if value < 1e6 else str(value)
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    return str(value)


def _default(text: str) -> str:
    return "unset" if text == _UNSET else f"default {text}"
