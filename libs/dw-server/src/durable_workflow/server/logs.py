"""The log of the server: each line with its time, and the request that it belongs to.

Payloads, and messages that come from workflows, are not logged. Ids are.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
import time
from collections.abc import Mapping
from contextvars import Context, ContextVar
from typing import Any, Final

from durable_workflow.server.settings import LogSettings

access_log: Final = logging.getLogger("durable_workflow.server.access")
# Members of a structured line that tell which run it is about.
_IDS: Final = ("workflow_id", "run_id")
_SANE_ID: Final = re.compile(r"[\x21-\x7e]{1,128}")
_OURS: Final = "durable_workflow"
# Of our own choice of a web server nobody need know, and its "error" logs everything.
_SHOWN_NAMES: Final = {"uvicorn.error": "durable_workflow.server"}
# All but the end of a line and the tabulator: a terminal obeys them.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class LoggedRequest:
    """What the lines of a request say of it.

    Args:
        route: Method and template, never the path as it came: it may hold anything.
        names: Values of the path's parameters.
        given_id: What the caller calls the request; empty where it has no name for it.
    """

    __slots__ = ("_id", "names", "route")

    def __init__(self, route: str, names: Mapping[str, str], given_id: str) -> None:
        self.route = route
        self.names = names
        self._id = given_id if given_id and _SANE_ID.fullmatch(given_id) else ""

    def note_ids(self, answer: Mapping[str, object]) -> None:
        """Take the ids of an answer, where the path has none: a start says what it has started."""
        found = {name: answer.get(name) for name in _IDS if name not in self.names}
        told = {name: each for name, each in found.items() if isinstance(each, str)}
        if told:
            self.names = {**self.names, **told}

    @property
    def request_id(self) -> str:
        """The caller's id, or one that is made when it is first needed."""
        if not self._id:
            self._id = secrets.token_hex(8)
        return self._id

    def fields(self) -> dict[str, str]:
        """What a structured line has of it."""
        ids = {name: self.names[name] for name in _IDS if name in self.names}
        return {"request_id": self.request_id, "route": self.route, **ids}


# The request that is being served; None for what the server does of itself.
current_request: ContextVar[LoggedRequest | None] = ContextVar("dw_request", default=None)

# For callbacks that work for many requests: none of them is named in what they log of themselves.
NO_REQUEST: Final = Context()


def set_up(settings: LogSettings) -> None:
    """Log to standard error, as the settings say; for the whole process.

    Debugging is of our own lines alone: libraries would log what they send and receive.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if settings.format == "json" else TextLines())
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    logging.basicConfig(level=max(level, logging.INFO), handlers=[handler])
    logging.getLogger(_OURS).setLevel(level)


class TextLines(logging.Formatter):
    """Time, level, logger and message; where there is one, the id of the request in brackets.

    Each line of a message or traceback begins so, and control characters are shown as escapes: ids
    come from callers, who could forge lines otherwise.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The lines of a record."""
        request = _request(record)
        of = "" if request is None else f" [{request.request_id}]"
        start = f"{_time(record)} {record.levelname} {_name(record)}{of}: "
        text = "\n".join([record.getMessage(), *_traceback(self, record)])
        escaped = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
        return "\n".join(start + line for line in escaped.split("\n"))


class JsonLines(logging.Formatter):
    """A JSON object on a line.

    Members: ``time``, ``level``, ``logger``, ``message``; ``request_id``, ``route``,
    ``workflow_id``, ``run_id`` where they are known; ``error``, a traceback; and what a line has of
    its own.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record."""
        request = _request(record)
        own: dict[str, Any] = getattr(record, "fields", {})
        line = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": _name(record),
            "message": record.getMessage(),
            **({} if request is None else request.fields()),
            **own,
        }
        if traceback := _traceback(self, record):
            line["error"] = "\n".join(traceback)
        return json.dumps(line, default=str)


def _request(record: logging.LogRecord) -> LoggedRequest | None:
    # A unit's lines are logged when it is committed, perhaps while another request is served.
    found: LoggedRequest | None = getattr(record, "request", None) or current_request.get()
    return found


def _name(record: logging.LogRecord) -> str:
    return _SHOWN_NAMES.get(record.name, record.name)


def _time(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.created % 1 * 1000):03}Z"


def _traceback(formatter: logging.Formatter, record: logging.LogRecord) -> list[str]:
    parts: list[str] = []
    if record.exc_info:
        parts.append(formatter.formatException(record.exc_info))
    if record.stack_info:
        parts.append(formatter.formatStack(record.stack_info))
    return parts
