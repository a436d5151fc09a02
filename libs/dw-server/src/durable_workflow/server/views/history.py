"""History: pages of records that were encoded once, when they were written, and are spliced."""

from __future__ import annotations

import asyncio
import base64
import functools
import gzip
import zlib
from collections.abc import Sequence
from typing import Any

import msgspec

from durable_workflow._wire import names
from durable_workflow.server.engine import buffered_events
from durable_workflow.server.engine.decision import Decision
from durable_workflow.server.engine.state import Run
from durable_workflow.server.records import history as records
from durable_workflow.server.records import runs
from durable_workflow.server.requests import ReadHistory
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.store.protocol import Read, Store
from durable_workflow.server.views.attribution import attributed
from durable_workflow.server.views.describing import page_token, run_not_found, run_removed
from durable_workflow.server.views.fingerprints import without_fingerprints

EVERYTHING = 2**62
# Records that are read in one go: two milliseconds.
_SLICE = 1000
# Those that say who asked for what: three milliseconds, if all of them are about commands.
_CLIENT_SLICE = 128
# Records that are read in one go where their size matters.
_FEW = 50
# `WorkflowStarted` is among so many first records.
_OPENING = 2
# As the engine writes them, before anything of a user. The payload of `WorkflowStarted` is never
# empty.
_STARTED = b'"event_type":"%b"' % names.WORKFLOW_STARTED.encode()
_PAYLOAD = b'"payload":{'
_HEAD = 128
# Where a page for a stream ends, unless its only event is larger.
PAGE_BYTES = 1_048_576

# The page token that stands for "nothing yet": what the history route takes to send everything.
FROM_THE_BEGINNING = "c3RhcnQ="


async def page(store: Store, namespace: str, request: ReadHistory) -> dict[str, Any]:
    """Events of a run: all that are left, or as many as asked for.

    Nothing is lost by reading them in slices, because a history only grows, and it is read as far
    as it went when it was begun.
    """
    run = await store.read(lambda read: _find(read, namespace, request))
    most = EVERYTHING if request.page_size is None else request.page_size
    upto = min(run.last_sequence, request.after + most)
    opened = max(request.after, min(_OPENING, upto))
    first = await store.read(functools.partial(_opening, run.run_id, request.after, opened))
    return {
        "workflow_id": run.workflow_id,
        "run_id": run.run_id,
        "events": await events(store, run.run_id, opened, upto, first=first, client=True),
        "next_page_token": page_token(upto) if upto < run.last_sequence else None,
    }


async def events(
    store: Store,
    run_id: str,
    after: int,
    upto: int,
    *,
    first: Sequence[bytes] = (),
    buffered: Sequence[bytes] = (),
    foreign: bool = False,
    client: bool = False,
) -> msgspec.Raw:
    """The records behind `after` up to `upto`, which there must be, as one JSON array.

    Records that are not in history yet may follow (`buffered_records`).

    They are read in slices, between which others have their turn: a hundred thousand take a third
    of a second.

    Raises:
        Refused: The run was removed meanwhile.
    Args:
        first: Records that go before them.
        foreign: They go to a worker of another SDK.
        client: They go to a client, and say who asked for what; the first ones do already.
    """
    read_slice = functools.partial(_slice, run_id, foreign, client)
    size = _CLIENT_SLICE if client else _SLICE
    slices: list[bytes] = []
    for begin in range(after, upto, size):
        if slices:
            await asyncio.sleep(0)
        end = min(begin + size, upto)
        slices.append(await store.read(functools.partial(read_slice, begin, end)))
    return spliced([*first, *slices, *buffered])


def buffered_records(read: Read, run: Run) -> list[bytes]:
    """What was told to a run and waits for its leased task, as it would be recorded now.

    Nothing is written. Signals and updates alone: results are seen when the worker has them.
    """
    told = [
        event for event in records.buffered_events(read, run) if event.kind in buffered_events.TOLD
    ]
    ids = iter(told)
    decision = Decision(run, read.now, lambda: next(ids).ref)
    buffered_events.append_all(decision, told)
    return [event.record for event in decision.events]


def has_events(body: dict[str, Any]) -> bool:
    """Whether a page has any: its events are encoded, and even none of them is some text."""
    return bytes(body["events"]) != bytes(spliced([]))


def _find(read: Read, namespace: str, request: ReadHistory) -> Run:
    run = runs.find(read, request.run_id)
    if run is None or (run.namespace, run.workflow_id) != (namespace, request.workflow_id):
        raise run_not_found(request.workflow_id, request.run_id)
    return run


def _opening(run_id: str, after: int, upto: int, read: Read) -> list[bytes]:
    """The records a history begins with; `WorkflowStarted` says what the run was started with.

    Whoever replays a fetched history needs that. A worker finds it beside the history in its task,
    so the record itself does not have it (replay.md 9.1, history-events 2.1).
    """
    found = records.between(read, run_id, after, upto, _OPENING)
    for index, record in enumerate(found):
        if _STARTED in record[:_HEAD]:
            arguments = runs.encoded_arguments(read, run_id)
            key = "input" if arguments is None else "input_envelope"
            member = b'"%b":%b,' % (key.encode(), arguments or b"[]")
            found[index] = record.replace(_PAYLOAD, _PAYLOAD + member, 1)
    return attributed(read, run_id, found)


def arguments(read: Read, run_id: str) -> msgspec.Raw | None:
    """What a run was started with, as it goes to a worker beside the history."""
    found = runs.encoded_arguments(read, run_id)
    return None if found is None else msgspec.Raw(found)


def _slice(run_id: str, foreign: bool, client: bool, after: int, upto: int, read: Read) -> bytes:
    found = records.between(read, run_id, after, upto, _SLICE)
    if len(found) < upto - after:
        # Retention has removed the run since the last slice: nobody sees a part of a history.
        raise run_removed(run_id)
    if foreign:
        found = without_fingerprints(found)
    return b",".join(attributed(read, run_id, found) if client else found)


def spliced(found: list[bytes]) -> msgspec.Raw:
    """Encoded records, or what is between the brackets of arrays of them, as one JSON array."""
    if len(found) < 2:
        return msgspec.Raw(b"[" + b"".join(found) + b"]")
    # Brackets around the whole would copy all of it twice more.
    return msgspec.Raw(b",".join([b"[" + found[0], *found[1:-1], found[-1] + b"]"]))


def task_page(
    read: Read,
    run: Run,
    settings: ServiceSettings,
    *,
    after: int,
    page_size: int | None,
    page_bytes: int | None,
    encoding: str | None,
    foreign: bool,
) -> dict[str, Any]:
    """The members about history in a task: as its worker saw it when it was claimed, no further.

    Args:
        page_bytes: Where a page ends that has fewer events; a larger event is alone in one.
        foreign: The worker is of another SDK.
    """
    size = min(page_size or settings.history_page_size_default, settings.history_page_size_max)
    upto = run.claimed_sequence
    if page_bytes is None:
        found = records.between(read, run.run_id, after, upto, size)
    else:
        found = _bounded(read, run.run_id, after, min(upto, after + size), page_bytes)
    if foreign:
        found = without_fingerprints(found)
    last = after + len(found)
    members: dict[str, Any] = {
        "history_events": spliced(found),
        "total_history_events": upto,
        "next_history_page_token": page_token(last) if last < upto else None,
    }
    if encoding in ("gzip", "deflate") and len(found) >= settings.history_compression_threshold:
        members["history_events"] = []
        members["history_events_compressed"] = _compressed(bytes(spliced(found)), encoding)
        members["history_events_encoding"] = encoding
    return members


def _bounded(read: Read, run_id: str, after: int, upto: int, most_bytes: int) -> list[bytes]:
    """Records behind `after` up to `upto`, as many as fit into so many bytes, and at least one.

    They are read a few at a time: those of a page may be hundreds of megabytes.
    """
    found: list[bytes] = []
    size = 0
    for begin in range(after, upto, _FEW):
        for record in records.between(read, run_id, begin, min(begin + _FEW, upto), _FEW):
            size += len(record)
            if found and size > most_bytes:
                return found
            found.append(record)
    return found


def read_token(token: str | None) -> int | None:
    """The sequence in a page token of the worker plane; None where it is none."""
    if token is None:
        return None
    if token == FROM_THE_BEGINNING:
        return 0
    try:
        sequence = int(base64.b64decode(token, validate=True))
    except ValueError:
        return None
    return sequence if sequence > 0 else None


def _compressed(text: bytes, encoding: str) -> str:
    if encoding == "gzip":
        packed = gzip.compress(text, compresslevel=5, mtime=0)
    else:
        packer = zlib.compressobj(5, wbits=-zlib.MAX_WBITS)
        packed = packer.compress(text) + packer.flush()
    return base64.b64encode(packed).decode()
