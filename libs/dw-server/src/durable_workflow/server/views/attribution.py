"""Who asked for the command that caused an event (control-plane 2.6).

It is put into the event's snapshot of the command when a client reads the history: the record
does not have it, because workers have no use for it and it would be half of the record.
"""

from __future__ import annotations

import re
from typing import Final

from durable_workflow.server.records import command_records
from durable_workflow.server.store.protocol import Read

# As the engine ends a record. Ids and times are ours and need no escaping.
_CAUSE: Final = re.compile(rb'"workflow_command_id":"([^"]+)","recorded_at":"[^"]+"\}\Z')
_TAIL: Final = 160
_SNAPSHOT: Final = b'"command":{'
_NUMBER: Final = re.compile(rb"[0-9]+")


def attributed(read: Read, run_id: str, records: list[bytes]) -> list[bytes]:
    """Encoded history records as clients get them."""
    return [_attributed(read, run_id, record) for record in records]


def _attributed(read: Read, run_id: str, record: bytes) -> bytes:
    cause = _CAUSE.search(record, max(len(record) - _TAIL, 0))
    if cause is None:
        return record
    # The caller cannot have written this: there was no such id yet.
    mark = _SNAPSHOT + b'"id":"%b","sequence":' % cause[1]
    at = record.find(mark)
    number = None if at < 0 else _NUMBER.match(record, at + len(mark))
    context = None if number is None else command_records.context(read, run_id, int(number[0]))
    if context is None:
        return record
    inside = at + len(_SNAPSHOT)
    return b'%b"context":%b,%b' % (record[:inside], context, record[inside:])
