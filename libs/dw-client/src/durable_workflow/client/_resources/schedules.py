"""Methods about schedules."""

from dataclasses import replace
from typing import Any

from durable_workflow._wire.identifiers import identifier
from durable_workflow._wire.json_values import JsonObject, present, text
from durable_workflow.client._arguments import Moment, WholeSeconds, instance
from durable_workflow.client._call import Call, Repeat, json_object, nothing, reading
from durable_workflow.client._handles import ScheduleHandle
from durable_workflow.client._keys import new_key
from durable_workflow.client._payloads import positional
from durable_workflow.client._results.schedules import (
    ScheduleAction,
    ScheduleBackfillResult,
    ScheduleDescription,
    ScheduleList,
    ScheduleSpec,
    ScheduleTriggerResult,
    backfill_result,
    described_schedule,
    schedule_list,
    trigger_result,
)
from durable_workflow.client._routes import Route
from durable_workflow.client._session import Session


class ScheduleMethods(Session):
    """Schedules: workflows that are started at given times."""

    def get_schedule_handle(self, schedule_id: str) -> ScheduleHandle:
        """Make a handle for a schedule by its id. Sends nothing, and does not check the id.

        Args:
            schedule_id: Its id.
        """
        return ScheduleHandle(self._as_client, schedule_id)

    async def create_schedule(
        self,
        *,
        schedule_id: str | None = None,
        spec: ScheduleSpec,
        action: ScheduleAction,
        overlap_policy: str | None = None,
        jitter_seconds: WholeSeconds | None = None,
        max_runs: int | None = None,
        memo: dict[str, Any] | None = None,
        search_attributes: dict[str, Any] | None = None,
        paused: bool = False,
        note: str | None = None,
    ) -> ScheduleHandle:
        """Make a schedule.

        Args:
            schedule_id: Its id; None lets the server choose.
            spec: When it fires.
            action: What it starts.
            overlap_policy: What to do when the workflow of the fire before is still open: `skip`,
                `buffer_one`, `buffer_all`, `cancel_other`, `terminate_other` or `allow_all`.
            jitter_seconds: Largest random delay of a fire.
            max_runs: Fires before it ends.
            memo: Given to each workflow.
            search_attributes: Given to each workflow.
            paused: Whether it starts out paused.
            note: Why it is there, for people.

        Raises:
            ScheduleAlreadyExists: The id is taken.
            InvalidArgument: The server refuses an argument.
        """
        self._payloads.warn_if_attributes_near_limit(
            search_attributes,
            self._payload_context("schedule_search_attributes", schedule_id=schedule_id),
        )
        created = await self._send(
            Call(
                "POST",
                Route.SCHEDULES,
                json_object,
                body=present(
                    schedule_id=schedule_id,
                    spec=instance("spec", spec, ScheduleSpec).to_dict(),
                    action=await self._action(action, schedule_id),
                    overlap_policy=overlap_policy,
                    jitter_seconds=jitter_seconds,
                    max_runs=max_runs,
                    memo=memo,
                    search_attributes=search_attributes,
                    paused=paused or None,
                    note=note,
                ),
                context=schedule_id or "",
                headers=new_key(),
                # A server that knows no keys tells a repetition from a second schedule by its id.
                repeat=Repeat.ALWAYS if schedule_id else Repeat.IF_KEYED,
            )
        )
        return ScheduleHandle(self._as_client, text(created.get("schedule_id"), schedule_id))

    async def list_schedules(self) -> ScheduleList:
        """List the schedules of the namespace, newest first."""
        return await self._send(Call("GET", Route.SCHEDULES, reading(schedule_list)))

    async def describe_schedule(self, schedule_id: str) -> ScheduleDescription:
        """Describe a schedule.

        Args:
            schedule_id: Its id.

        Raises:
            ScheduleNotFound: There is none of that id.
        """
        reader = reading(lambda data: described_schedule(data, schedule_id))
        return await self._send(
            Call("GET", Route.SCHEDULE, reader, path={"schedule_id": schedule_id})
        )

    async def update_schedule(
        self,
        schedule_id: str,
        *,
        spec: ScheduleSpec | None = None,
        action: ScheduleAction | None = None,
        overlap_policy: str | None = None,
        jitter_seconds: WholeSeconds | None = None,
        max_runs: int | None = None,
        memo: dict[str, Any] | None = None,
        search_attributes: dict[str, Any] | None = None,
        note: str | None = None,
    ) -> None:
        """Change a schedule. What is None stays as it is.

        Args:
            schedule_id: Its id.
            spec: When it fires, in place of the whole spec before.
            action: What it starts. Its fields replace those of the action before, one by one.
            overlap_policy: See `create_schedule`.
            jitter_seconds: Largest random delay of a fire.
            max_runs: Fires before it ends.
            memo: Given to each workflow.
            search_attributes: Given to each workflow.
            note: Why it is there, for people.

        Raises:
            ScheduleNotFound: There is none of that id.
            InvalidArgument: The server refuses an argument.
        """
        self._payloads.warn_if_attributes_near_limit(
            search_attributes,
            self._payload_context("schedule_search_attributes", schedule_id=schedule_id),
        )
        await self._send(
            Call(
                "PUT",
                Route.SCHEDULE,
                nothing,
                path={"schedule_id": schedule_id},
                body=present(
                    spec=None if spec is None else instance("spec", spec, ScheduleSpec).to_dict(),
                    action=None if action is None else await self._action(action, schedule_id),
                    overlap_policy=overlap_policy,
                    jitter_seconds=jitter_seconds,
                    max_runs=max_runs,
                    memo=memo,
                    search_attributes=search_attributes,
                    note=note,
                ),
                headers=new_key(),
            )
        )

    async def pause_schedule(self, schedule_id: str, note: str | None = None) -> None:
        """Pause a schedule: it does not fire until it is resumed.

        Args:
            schedule_id: Its id.
            note: Why, for people.

        Raises:
            ScheduleNotFound: There is none of that id.
        """
        await self._note(Route.SCHEDULE_PAUSE, schedule_id, note)

    async def resume_schedule(self, schedule_id: str, note: str | None = None) -> None:
        """Let a paused schedule fire again. Missed fires stay missed; see `backfill_schedule`.

        Args:
            schedule_id: Its id.
            note: Why, for people.

        Raises:
            ScheduleNotFound: There is none of that id.
        """
        await self._note(Route.SCHEDULE_RESUME, schedule_id, note)

    async def trigger_schedule(
        self, schedule_id: str, overlap_policy: str | None = None
    ) -> ScheduleTriggerResult:
        """Fire a schedule once, now.

        Args:
            schedule_id: Its id.
            overlap_policy: Policy of this one fire.

        Raises:
            ScheduleNotFound: There is none of that id.
        """
        return await self._send(
            Call(
                "POST",
                Route.SCHEDULE_TRIGGER,
                reading(lambda data: trigger_result(data, schedule_id)),
                path={"schedule_id": schedule_id},
                body=present(overlap_policy=overlap_policy),
                headers=new_key(),
                repeat=Repeat.IF_KEYED,
            )
        )

    async def delete_schedule(self, schedule_id: str) -> None:
        """Delete a schedule. Workflows that it started go on; its history stays readable.

        Args:
            schedule_id: Its id.

        Raises:
            ScheduleNotFound: There is none of that id.
        """
        await self._send(
            Call(
                "DELETE",
                Route.SCHEDULE,
                nothing,
                path={"schedule_id": schedule_id},
                headers=new_key(),
            )
        )

    async def backfill_schedule(
        self,
        schedule_id: str,
        *,
        start_time: Moment,
        end_time: Moment,
        overlap_policy: str | None = None,
    ) -> ScheduleBackfillResult:
        """Start the workflows of the fires in a time span.

        Args:
            schedule_id: Its id.
            start_time: First instant: an aware datetime, or text in ISO 8601, which is UTC where it
                names no zone.
            end_time: End of the span, itself outside.
            overlap_policy: Policy of these fires.

        Raises:
            ScheduleNotFound: There is none of that id.
            InvalidArgument: The span is empty or malformed.
            ValueError: A datetime has no time zone.
        """
        return await self._send(
            Call(
                "POST",
                Route.SCHEDULE_BACKFILL,
                reading(lambda data: backfill_result(data, schedule_id)),
                path={"schedule_id": schedule_id},
                body=present(
                    start_time=start_time, end_time=end_time, overlap_policy=overlap_policy
                ),
                headers=new_key(),
                repeat=Repeat.IF_KEYED,
            )
        )

    async def _note(self, route: Route, schedule_id: str, note: str | None) -> None:
        """Pause or resume."""
        await self._send(
            Call(
                "POST",
                route,
                nothing,
                path={"schedule_id": schedule_id},
                body=present(note=note),
                headers=new_key(),
            )
        )

    async def _action(self, action: ScheduleAction, schedule_id: str | None) -> JsonObject:
        """The action as it is sent. Its input is encoded first: storing it may block."""
        action = instance("action", action, ScheduleAction)
        if action.task_queue is not None:
            action = replace(action, task_queue=identifier("task_queue", action.task_queue))
        if action.input is None:
            return action.to_dict()
        envelope = await self._payloads.encode(
            positional("input", action.input),
            self._payload_context(
                "schedule_input",
                schedule_id=schedule_id,
                workflow_type=action.workflow_type,
                task_queue=action.task_queue,
            ),
        )
        return action.to_dict(input_encoder=lambda _: envelope)
