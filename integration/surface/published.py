"""The published names, in a short form that is kept here: `published.json`, a line for each name.

Parameters are strings as Python writes them, `"limit: int | None = None"`, with `"*"` before those
that are given by name. What no test compares is left out.
"""

import json
from pathlib import Path
from typing import Any, cast

Entries = dict[str, Any]
FILE = Path(__file__).with_name("published.json")

_LEFT_OUT = {"signature", "bases", "returns"}
_KINDS = {"*": "VAR_POSITIONAL", "**": "VAR_KEYWORD"}


def read() -> dict[str, Entries]:
    """The published names of each module, by the module's full name."""
    return {module: _longer(entries) for module, entries in json.loads(FILE.read_text()).items()}


def condensed(published: dict[str, Entries]) -> str:
    """The text of `published.json` for the names as the specification has them."""
    modules: list[str] = []
    for module, entries in published.items():
        lines = (
            f"  {json.dumps(name)}: {json.dumps(_shorter(entry), ensure_ascii=False)}"
            for name, entry in entries.items()
        )
        modules.append(f"{json.dumps(module)}: {{\n" + ",\n".join(lines) + "\n}")
    return "{\n" + ",\n".join(modules) + "\n}\n"


def without_details(published: dict[str, Entries]) -> dict[str, Entries]:
    """The names as the specification has them, without what the short form leaves out."""
    return {module: _longer(_shorter(entries)) for module, entries in published.items()}


def _shorter(value: Any) -> Any:
    if isinstance(value, list):
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        return [*map(_shorter, items)]
    if not isinstance(value, dict):
        return value
    shorter: Entries = {}
    for key, each in cast("Entries", value).items():
        if key == "parameters":
            shorter[key] = _short_parameters(each)
        elif key == "fields":
            shorter[key] = [field["name"] for field in each]
        elif key not in _LEFT_OUT:
            shorter[key] = _shorter(each)
    return shorter


def _longer(value: Any) -> Any:
    if isinstance(value, list):
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        return [*map(_longer, items)]
    if not isinstance(value, dict):
        return value
    longer: Entries = {}
    for key, each in cast("Entries", value).items():
        if key == "parameters":
            longer[key] = _long_parameters(each)
        elif key == "fields":
            longer[key] = [{"name": name} for name in each]
        else:
            longer[key] = _longer(each)
    return longer


def _short_parameters(parameters: list[Entries]) -> list[str]:
    short: list[str] = []
    by_name = False
    for parameter in parameters:
        kind = parameter["kind"]
        stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(kind, "")
        if kind == "KEYWORD_ONLY" and not by_name:
            short.append("*")
        by_name = by_name or kind in ("KEYWORD_ONLY", "VAR_POSITIONAL")
        annotation = f": {parameter['annotation']}" if parameter.get("annotation") else ""
        default = f" = {parameter['default']}" if "default" in parameter else ""
        short.append(f"{stars}{parameter['name']}{annotation}{default}")
    return short


def _long_parameters(short: list[str]) -> list[Entries]:
    parameters: list[Entries] = []
    by_name = False
    for each in short:
        if each == "*":
            by_name = True
            continue
        head, has_default, default = each.partition(" = ")
        name, _, annotation = head.partition(": ")
        stars = name[: len(name) - len(name.lstrip("*"))]
        kind = _KINDS.get(stars) or ("KEYWORD_ONLY" if by_name else "POSITIONAL_OR_KEYWORD")
        by_name = by_name or stars == "*"
        parameter = {"name": name.lstrip("*"), "kind": kind}
        if annotation:
            parameter["annotation"] = annotation
        if has_default:
            parameter["default"] = default
        parameters.append(parameter)
    return parameters
