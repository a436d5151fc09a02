"""Wait fingerprints of ours, kept from workers of other SDKs.

A worker of the reference SDK compares each fingerprint that it finds with its own, and fails the
run where they differ. It accepts a wait that has none.
"""

from __future__ import annotations

import re
from typing import Any, Final

from durable_workflow._wire import names
from durable_workflow._wire.fingerprints import SOURCE_SCHEME, is_ours

_MEMBER: Final = "condition_definition_fingerprint"
# As the engine writes it: never the first member of a payload.
_OURS: Final = re.compile(
    rb',"%b":"%b(?:[^"\\]|\\.)*"' % (_MEMBER.encode(), SOURCE_SCHEME.encode())
)
# Nothing in the payloads of these but the wait's key comes from a user, and in that quotation
# marks are escaped. Other events may hold such a member as data.
_EVENTS: Final = tuple(
    b'"event_type":"%b"' % event_type.encode()
    for event_type in (
        names.CONDITION_WAIT_OPENED,
        names.CONDITION_WAIT_SATISFIED,
        names.CONDITION_WAIT_TIMED_OUT,
        names.TIMER_SCHEDULED,
        names.TIMER_FIRED,
        names.TIMER_CANCELLED,
    )
)
_HEAD: Final = 128


def without_fingerprints(records: list[bytes]) -> list[bytes]:
    """Encoded history records as a worker of another SDK gets them."""
    return [_cleaned(record) for record in records]


def hide_fingerprint(task: dict[str, Any]) -> None:
    """Take ours out of the members that say why a task exists."""
    fingerprint = task.get(_MEMBER)
    if isinstance(fingerprint, str) and is_ours(fingerprint):
        task[_MEMBER] = None


def _cleaned(record: bytes) -> bytes:
    head = record[:_HEAD]
    return _OURS.sub(b"", record) if any(event in head for event in _EVENTS) else record
