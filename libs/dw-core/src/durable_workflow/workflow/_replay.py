"""Replay a history in one call: the commands that come next, a query, or an update."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from durable_workflow import serializer
from durable_workflow._kernel import Machine, Start
from durable_workflow._kernel.queries import replay_failed
from durable_workflow._kernel.updates import failed_update
from durable_workflow._wire import names
from durable_workflow._wire.events import nested, text
from durable_workflow.errors import QueryFailed
from durable_workflow.external_storage import ExternalPayloadCache, ExternalStorageDriver
from durable_workflow.workflow._commands import Command, CompleteUpdate, FailUpdate

# `WorkflowStarted` is among so many first events.
_OPENING: Final = 2


@dataclass
class ReplayOutcome:
    """The result of a replay.

    Attributes:
        commands: What a completion would say: new markers, then the commands that the code waits
            for, recorded ones included, or the one that ends the run.
    """

    commands: list[Command]


def replay(
    workflow_cls: type,
    history_events: Iterable[dict[str, Any]],
    start_input: list[Any],
    *,
    workflow_id: str | None = None,
    run_id: str = "",
    payload_codec: str | None = None,
    external_storage: ExternalStorageDriver | None = None,
    external_storage_cache: ExternalPayloadCache | None = None,
    convert_arguments: bool = True,
) -> ReplayOutcome:
    """Run a workflow's code against a history.

    Args:
        workflow_cls: The workflow class.
        history_events: The whole history, in order.
        start_input: Decoded positional arguments of `run`.
        workflow_id: Named by errors about undecodable payloads.
        run_id: Seeds everything random; empty takes the one that history names.
        payload_codec: The run's codec, for payloads that name none.
        external_storage: Where offloaded payloads are.
        external_storage_cache: Verified payloads that need not be fetched again.
        convert_arguments: As `Worker` was told that runs this workflow.
    Returns:
        The commands; a workflow that fails is a `FailWorkflow` among them.
    Raises:
        NonDeterministicReplayError: The code does not match the history.
        WorkflowPayloadDecodeError: Arguments of a signal or an update do not decode.
        TypeError: An event is not an object, or `start_input` is not a list.
    """
    events, run_id = _with_run_id(history_events, run_id)
    start = _start(
        start_input, workflow_id, run_id, payload_codec, external_storage, external_storage_cache
    )
    machine = Machine(workflow_cls, replace(start, converts=convert_arguments))
    machine.feed(_objects(events))
    return ReplayOutcome(machine.commands())


def query_state(
    workflow_cls: type,
    history_events: Iterable[dict[str, Any]],
    start_input: list[Any],
    query_name: str,
    args: list[Any] | None = None,
    *,
    workflow_id: str | None = None,
    run_id: str = "",
    payload_codec: str | None = None,
    external_storage: ExternalStorageDriver | None = None,
    external_storage_cache: ExternalPayloadCache | None = None,
    convert_arguments: bool = True,
) -> Any:
    """Replay a history and ask the workflow a query.

    Args:
        workflow_cls: The workflow class.
        history_events: The whole history, in order.
        start_input: Decoded positional arguments of `run`.
        query_name: The query's name on the wire.
        args: Positional arguments of the query.
        workflow_id: Named by errors about undecodable payloads.
        run_id: Seeds everything random; empty takes the one that history names.
        payload_codec: The run's codec, for payloads that name none.
        external_storage: Where offloaded payloads are.
        external_storage_cache: Verified payloads that need not be fetched again.
        convert_arguments: As `Worker` was told that runs this workflow.
    Returns:
        What the handler returned, possibly an awaitable.
    Raises:
        QueryFailed: The replay failed, there is no such query, or its handler raised.
    """
    events, run_id = _with_run_id(history_events, run_id)
    start = _start(
        start_input, workflow_id, run_id, payload_codec, external_storage, external_storage_cache
    )
    machine = Machine(workflow_cls, replace(start, silent=True, converts=convert_arguments))
    try:
        machine.feed(_objects(events))
    except QueryFailed:
        raise
    except Exception as error:
        raise replay_failed(error) from error
    return machine.query(query_name, args)


def apply_update(
    workflow_cls: type,
    history_events: Iterable[dict[str, Any]],
    start_input: list[Any],
    update_id: str,
    *,
    workflow_id: str | None = None,
    run_id: str = "",
    payload_codec: str | None = None,
    external_storage: ExternalStorageDriver | None = None,
    external_storage_cache: ExternalPayloadCache | None = None,
    convert_arguments: bool = True,
) -> CompleteUpdate | FailUpdate:
    """Replay a history and run an accepted update: its validator, then its handler.

    Args:
        workflow_cls: The workflow class.
        history_events: The whole history, in order.
        start_input: Decoded positional arguments of `run`.
        update_id: The update.
        workflow_id: Named by errors about undecodable payloads.
        run_id: Seeds everything random; empty takes the one that history names.
        payload_codec: The run's codec, for payloads that name none.
        external_storage: Where offloaded payloads are.
        external_storage_cache: Verified payloads that need not be fetched again.
        convert_arguments: As `Worker` was told that runs this workflow.
    Returns:
        The handler's answer, or why there is none; problems of the workflow do not raise.
    """
    events, run_id = _with_run_id(history_events, run_id)
    start = _start(
        start_input, workflow_id, run_id, payload_codec, external_storage, external_storage_cache
    )
    machine = Machine(workflow_cls, replace(start, silent=True, converts=convert_arguments))
    try:
        machine.feed(_objects(events))
    except Exception as error:  # noqa: BLE001 (a replay that fails is an answer)
        return failed_update(update_id, "workflow replay failed before update", error)
    return machine.apply_update(update_id)


def _with_run_id(events: Iterable[object], run_id: str) -> tuple[Iterable[object], str]:
    """The events, and the id of their run: given, or recorded when the run began.

    With another one than the run had, `ctx.random()` would give other numbers than it gave the run.
    """
    if run_id:
        return events, run_id
    rest = iter(events)
    head = list(itertools.islice(rest, _OPENING))
    for event in head:
        if isinstance(event, Mapping):
            event = cast("Mapping[str, Any]", event)
            if text(event, "event_type", "type") == names.WORKFLOW_STARTED:
                run_id = text(nested(event, "payload"), "workflow_run_id") or ""
    return itertools.chain(head, rest), run_id


def _start(
    start_input: list[Any],
    workflow_id: str | None,
    run_id: str,
    payload_codec: str | None,
    storage: ExternalStorageDriver | None,
    cache: ExternalPayloadCache | None,
) -> Start:
    given: Any = start_input  # callers without a type checker hand in what they like
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise TypeError(f"start_input must be a list of the arguments of run, as in [{given!r}]")

    def decode(value: Any, codec: Any) -> Any:
        return serializer.decode_envelope(
            value, codec, external_storage=storage, external_storage_cache=cache
        )

    return Start(
        workflow_id=workflow_id,
        run_id=run_id,
        arguments=start_input,
        payload_codec=payload_codec,
        decode=decode,
    )


def _objects(events: Iterable[object]) -> Iterator[Mapping[str, Any]]:
    """Events as they come, each of which must be an object."""
    for number, event in enumerate(events, 1):
        if not isinstance(event, Mapping):
            raise TypeError(
                f"event {number} of the history must be an object, not {type(event).__name__}"
            )
        yield cast("Mapping[str, Any]", event)
