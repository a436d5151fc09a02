"""Schedules (control-plane 8)."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.handlers.units import Units
from durable_workflow.server.api.operations import Handler, Nothing, Operation
from durable_workflow.server.api.roles import OPERATORS
from durable_workflow.server.fields import WireLimits
from durable_workflow.server.replies import Reply
from durable_workflow.server.requests import (
    BackfillSchedule,
    CreateSchedule,
    NamedSchedule,
    NoteSchedule,
    ReadScheduleHistory,
    TriggerSchedule,
    UpdateSchedule,
)
from durable_workflow.server.services import backfills
from durable_workflow.server.services import schedules as services
from durable_workflow.server.services.repetitions import once
from durable_workflow.server.views import schedules as views

Scheduled = TypeVar("Scheduled", CreateSchedule, UpdateSchedule)


def operations(units: Units, limits: WireLimits) -> list[Operation[Any]]:
    """What is asked about schedules.

    Args:
        limits: How large a memo may be.
    """

    async def listed(call: Call, asked: Nothing) -> Reply:
        return Reply(await views.list_all(units.store, call.namespace))

    async def backfill(call: Call, asked: BackfillSchedule) -> Reply:
        return await backfills.backfill(units.store, call.caller(), asked, units.settings)

    create, update = units.command(once(services.create)), units.command(once(services.update))
    pause, resume = units.command(once(services.pause)), units.command(once(services.resume))
    delete, trigger = units.command(once(services.delete)), units.command(once(services.trigger))
    describe, history = units.view(views.describe), units.view(views.history)
    return [
        Operation("list_schedules", OPERATORS, Nothing, listed),
        Operation("create_schedule", OPERATORS, CreateSchedule, _with_memo(create, limits)),
        Operation("describe_schedule", OPERATORS, NamedSchedule, describe),
        Operation("update_schedule", OPERATORS, UpdateSchedule, _with_memo(update, limits)),
        Operation("delete_schedule", OPERATORS, NamedSchedule, delete),
        Operation("pause_schedule", OPERATORS, NoteSchedule, pause),
        Operation("resume_schedule", OPERATORS, NoteSchedule, resume),
        Operation("trigger_schedule", OPERATORS, TriggerSchedule, trigger),
        Operation("backfill_schedule", OPERATORS, BackfillSchedule, backfill),
        Operation("read_schedule_history", OPERATORS, ReadScheduleHistory, history),
    ]


def _with_memo(handler: Handler[Scheduled], limits: WireLimits) -> Handler[Scheduled]:
    """A handler of what brings a memo, which has a refusal of its own (control-plane 8.2)."""

    async def handle(call: Call, asked: Scheduled) -> Reply:
        memo: object = msgspec.structs.asdict(asked).get("memo")
        services.check_memo(memo, limits.max_memo_bytes)
        return await handler(call, asked)

    return handle
