"""From the file to what the server uses of it. Whatever is wrong, there is something to show."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from durable_workflow._wire.json_values import dict_or_none, list_or_none
from durable_workflow.server.executors import _problems as problems
from durable_workflow.server.executors._configuration import NOT_CONFIGURED, ExternalExecutors
from durable_workflow.server.executors._problems import Problem
from durable_workflow.server.executors._validation import check

SCHEMA: Final = "durable-workflow.external-executor.config"
VERSION: Final = 1
_MOST_BYTES: Final = 4 * 1024 * 1024
_DEEPEST: Final = 64


class _Unusable(Exception):
    """Why nothing of a file can be looked at."""

    def __init__(self, code: str, message: str, **context: Any) -> None:
        super().__init__(message)
        self.problem = Problem(code, message, context)


def load(path: str | None, overlay: str | None = None) -> ExternalExecutors:
    """Read the configuration. One that is wrong is not used; its problems say why.

    Args:
        path: Of the JSON file; None for no configuration.
        overlay: The name of the overlay to apply.
    """
    if path is None:
        return NOT_CONFIGURED
    try:
        document = _overlaid(_document(path), overlay)
    except _Unusable as error:
        return ExternalExecutors(path, overlay, {}, (error.problem,))
    return ExternalExecutors(path, overlay, document, tuple(check(document)))


def _document(path: str) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(_content(path).removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise _Unusable(problems.INVALID_JSON, "the file is not JSON") from None
    members = dict_or_none(document)
    if members is None or members.get("schema") != SCHEMA:
        raise _Unusable(problems.INVALID_SCHEMA, f"schema must be {SCHEMA}", at="schema")
    version = members.get("version")
    if type(version) is not int or version != VERSION:
        raise _Unusable(problems.UNSUPPORTED_VERSION, f"version must be {VERSION}", at="version")
    if _is_deeper(members, _DEEPEST):
        text = f"the document is nested more than {_DEEPEST} levels deep"
        raise _Unusable(problems.INVALID_SCHEMA, text)
    return members


def _content(path: str) -> bytes:
    file = Path(path)
    try:
        if not file.is_file():  # a pipe would keep the server waiting
            raise _Unusable(problems.UNREADABLE_CONFIG, "there is no such file")
        if file.stat().st_size > _MOST_BYTES:
            text = f"the file has more than {_MOST_BYTES} bytes"
            raise _Unusable(problems.UNREADABLE_CONFIG, text)
        return file.read_bytes()
    except OSError as error:
        text = f"the file cannot be read: {error.strerror}"
        raise _Unusable(problems.UNREADABLE_CONFIG, text) from None
    except ValueError:
        raise _Unusable(problems.UNREADABLE_CONFIG, "the path is none") from None


def _overlaid(document: dict[str, Any], overlay: str | None) -> dict[str, Any]:
    if overlay is None:
        return document
    overlays = dict_or_none(document.get("overlays", {}))
    if overlays is None:
        raise _Unusable(problems.INVALID_SCHEMA, "overlays must be an object", at="overlays")
    if overlay not in overlays:
        text = f"there is no overlay {overlay!r}"
        raise _Unusable(problems.UNKNOWN_OVERLAY, text, overlay=overlay)
    at = f"overlays.{overlay}"
    changes = dict_or_none(overlays[overlay])
    if changes is None:
        raise _Unusable(problems.INVALID_SCHEMA, f"{at} must be an object", at=at)
    applied = dict(document)
    for section in ("defaults", "carriers"):
        if section not in changes:
            continue
        before, after = dict_or_none(document.get(section, {})), dict_or_none(changes[section])
        if after is None:
            text = f"{at}.{section} must be an object"
            raise _Unusable(problems.INVALID_SCHEMA, text, at=f"{at}.{section}")
        if before is not None:
            deep = section == "carriers"
            applied[section] = _merged(before, after) if deep else before | after
    if "mappings" in changes:
        applied["mappings"] = changes["mappings"]
    return applied


def _merged(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    merged = dict(before)
    for name, member in after.items():
        one, other = dict_or_none(before.get(name)), dict_or_none(member)
        merged[name] = member if one is None or other is None else _merged(one, other)
    return merged


def _is_deeper(value: Any, levels: int) -> bool:
    return any(levels == 0 or _is_deeper(each, levels - 1) for each in _within(value))


def _within(value: Any) -> Iterator[Any]:
    members = dict_or_none(value)
    yield from (list_or_none(value) or ()) if members is None else members.values()
