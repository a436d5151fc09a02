"""Making bundles: a run is read in slices, between which others are served."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
from collections.abc import Collection
from typing import Any, Final, TypeAlias

from durable_workflow._wire import names
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.engine.state import Activity, PastAttempt, PastTask, Run
from durable_workflow.server.engine.times import precise_or_none
from durable_workflow.server.exporting import summary, timeline
from durable_workflow.server.exporting.activity_traces import ActivityReader
from durable_workflow.server.exporting.bundle import Bundle, Signing
from durable_workflow.server.exporting.lists import Lists
from durable_workflow.server.exporting.messages import MessageReader
from durable_workflow.server.exporting.redaction import Redaction
from durable_workflow.server.exporting.rows import RowReader
from durable_workflow.server.exporting.steps import StepReader
from durable_workflow.server.exporting.summary import Subject
from durable_workflow.server.exporting.waits import Waits
from durable_workflow.server.records import activities, command_records, history, runs
from durable_workflow.server.records.columns import value
from durable_workflow.server.refusals import Refused
from durable_workflow.server.requests import ExportHistory
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.store.protocol import Read, Store
from durable_workflow.server.views.describing import run_not_found

_log = logging.getLogger(__name__)

# Records and rows that are read and written in one go: some milliseconds.
_SLICE: Final = 50
# Tasks have no index by run and id: each page of them looks at all of the run.
_TASKS: Final = 1000
# Exports that are made at once; others wait.
_AT_ONCE: Final = 2
# Commands whose acceptance is all that there is to them: their event settles them.
_AT_ONCE_APPLIED: Final = frozenset(
    {
        names.START_ACCEPTED,
        names.START_REJECTED,
        names.CANCEL_REQUESTED,
        names.TERMINATE_REQUESTED,
        names.REPAIR_REQUESTED,
        names.ARCHIVE_REQUESTED,
    }
)
_ActivityRow: TypeAlias = tuple[Activity, JsonObject | None, dict[str, PastAttempt]]


class ExportService:
    """Makes bundles.

    Args:
        secrets: What must never stand in one.
    """

    def __init__(
        self, store: Store, settings: ServiceSettings, signing: Signing, secrets: Collection[str]
    ) -> None:
        self._store = store
        self._settings = settings
        self._signing = signing
        self._redaction = Redaction(secrets)
        self._making = asyncio.Semaphore(_AT_ONCE)

    async def export(self, namespace: str, request: ExportHistory) -> Bundle:
        """Make the bundle of a run, as far as its history went when this began.

        Raises:
            Refused: There is no such run, or it was deleted meanwhile; or there is no room for the
                bundle's temporary files.
        """
        async with self._making:
            subject = await self._store.read(
                lambda read: summary.look(
                    read, namespace, request.workflow_id, request.run_id, self._settings
                )
            )
            lists = Lists(self._redaction)
            try:
                await self._fill(lists, subject)
            except OSError as error:
                lists.close()
                _log.warning("a bundle could not be put together: %s", error)
                message = "There is no room for the temporary files of the bundle."
                raise Refused("store_unavailable", message) from error
            except BaseException:
                lists.close()
                raise
            return Bundle(subject, lists, self._redaction, self._signing)

    async def _fill(self, lists: Lists, subject: Subject) -> None:
        run = subject.run
        messages = MessageReader(lists, run.codec)
        recorded = await self._read_history(lists, subject, messages)
        rows = RowReader(lists, run, subject.details, messages, recorded)
        await self._read_commands(rows, subject)
        messages.finish(
            closed_at=precise_or_none(run.closed_at), moved=run.continued_to_run_id is not None
        )
        await self._read_activities(rows, run)
        await self._read_tasks(rows, run)
        link = await self._store.read(lambda read: summary.continued_to(read, run))
        if link is not None:
            lists.children.add(link, key=run.last_sequence)
        lists.sort()

    async def _read_history(
        self, lists: Lists, subject: Subject, messages: MessageReader
    ) -> set[str]:
        """Read the whole history; the ids of the commands that it settles."""
        run = subject.run
        waits = Waits(lists.waits)
        steps = StepReader(lists, waits, run, subject.details.failure)
        trace = ActivityReader(lists.traces, waits)
        recorded: set[str] = set()
        for begin in range(0, run.last_sequence, _SLICE):
            upto = min(begin + _SLICE, run.last_sequence)
            look = functools.partial(
                _records, run_id=run.run_id, after=begin, upto=upto, most=_SLICE
            )
            found = await self._store.read(look)
            if len(found) < upto - begin:
                # Histories only grow: the run was deleted.
                raise run_not_found(run.workflow_id, run.run_id)
            for record in found:
                event = _event(record)
                lists.history_events.add(event)
                lists.timeline.add(timeline.entry(event, run.run_id))
                for reader in (trace, steps, messages):
                    reader.read(event)
                if event["type"] in _AT_ONCE_APPLIED and event["workflow_command_id"]:
                    recorded.add(event["workflow_command_id"])
            await asyncio.sleep(0)
        trace.finish()
        steps.finish()
        waits.finish()
        return recorded

    async def _read_commands(self, rows: RowReader, subject: Subject) -> None:
        after = 0
        while True:
            look = functools.partial(
                command_records.of_run, run_id=subject.run.run_id, after=after, most=_SLICE
            )
            found = await self._store.read(look)
            for stored in found:
                # What came after the history was looked at belongs into the next bundle.
                if stored.record.sequence <= subject.command_sequence:
                    rows.command(stored)
            if len(found) < _SLICE:
                return
            after = found[-1].record.sequence
            await asyncio.sleep(0)

    async def _read_activities(self, rows: RowReader, run: Run) -> None:
        after = 0
        while True:
            found = await self._store.read(
                functools.partial(_activities, run_id=run.run_id, after=after)
            )
            for row, arguments, past in found:
                rows.activity(row, arguments, past)
            if len(found) < _SLICE:
                return
            after = found[-1][0].sequence
            await asyncio.sleep(0)

    async def _read_tasks(self, rows: RowReader, run: Run) -> None:
        after = ""
        while True:
            look = functools.partial(runs.past_tasks, run_id=run.run_id, after=after, most=_TASKS)
            found: list[PastTask] = await self._store.read(look)
            for past in found:
                # The task that the run had open when it was looked at is listed as it was then.
                if past.task_id != run.task_id:
                    rows.past_task(past)
            if len(found) < _TASKS:
                break
            after = found[-1].task_id
            await asyncio.sleep(0)
        rows.open_task()


def _records(read: Read, *, run_id: str, after: int, upto: int, most: int) -> list[bytes]:
    return history.between(read, run_id, after, upto, most)


def _event(record: bytes) -> JsonObject:
    """A record of history, in the words of bundles."""
    stored: dict[str, Any] = json.loads(record)
    return {
        "id": stored["id"],
        "sequence": stored["sequence"],
        "type": stored["event_type"],
        "workflow_task_id": stored["workflow_task_id"],
        "workflow_command_id": stored["workflow_command_id"],
        "recorded_at": stored["recorded_at"],
        "payload": stored["payload"],
    }


def _activities(read: Read, *, run_id: str, after: int) -> list[_ActivityRow]:
    """The activities of a run behind a sequence, with arguments and superseded attempts."""
    found = activities.of_run(read, run_id, after=after, most=_SLICE)
    past: dict[str, dict[str, PastAttempt]] = {each.execution_id: {} for each in found}
    tried = [
        each.execution_id for each in found if each.attempt_count > 1 or each.attempt_id is None
    ]
    for attempt in activities.past_of(read, run_id, tried):
        past[attempt.execution_id][attempt.attempt_id] = attempt
    return [
        (each, value(activities.arguments(read, each)), past[each.execution_id]) for each in found
    ]
