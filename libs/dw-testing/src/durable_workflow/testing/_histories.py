"""Replaying recorded histories against the code of today."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

from durable_workflow._wire.json_values import is_list, is_object
from durable_workflow.workflow import ReplayOutcome, replay


def replay_history(
    workflow_cls: type,
    history_events: Iterable[dict[str, Any]],
    start_input: list[Any] | None = None,
    *,
    run_id: str = "",
    payload_codec: str | None = None,
) -> ReplayOutcome:
    """Replay a history, to see whether a change of the code goes with it.

    Args:
        workflow_cls: The workflow class as it is now.
        history_events: The whole history in order, as `get_history(...)["events"]` has it.
        start_input: Decoded positional arguments of `run`; None for none.
        run_id: The run's id, which seeds `ctx.random()` and `ctx.uuid4()`; empty takes the one
            that history names.
        payload_codec: Codec of payloads that name none; None takes what history recorded.
    Returns:
        What the code would do next. A workflow that fails is a `FailWorkflow` in it.
    Raises:
        NonDeterministicReplayError: The code asks for something else than history has.
        WorkflowPayloadDecodeError: Arguments of a signal or an update do not decode.
        TypeError: `history_events` is a mapping and not a list of events.
    """
    given: object = history_events
    if isinstance(given, dict):
        raise TypeError(
            "replay_history takes the list of events, such as history['events'], and not the "
            "mapping that holds it"
        )
    return replay(
        workflow_cls,
        history_events,
        [] if start_input is None else start_input,
        run_id=run_id,
        payload_codec=payload_codec,
    )


def replay_history_file(
    workflow_cls: type,
    path: str | Path,
    start_input: list[Any] | None = None,
    *,
    run_id: str = "",
    payload_codec: str | None = None,
) -> ReplayOutcome:
    """The same with a history from a file.

    Args:
        workflow_cls: The workflow class as it is now.
        path: A JSON file: a list of events, or an object with `events`.
        start_input: Decoded positional arguments of `run`; None for none.
        run_id: The run's id, which seeds `ctx.random()` and `ctx.uuid4()`; empty takes the one
            that history names.
        payload_codec: Codec of payloads that name none; None takes what history recorded.
    Returns:
        What the code would do next.
    Raises:
        NonDeterministicReplayError: The code asks for something else than history has.
        ValueError: The file holds no history.
        OSError: The file cannot be read.
    """
    return replay_history(
        workflow_cls, _read(Path(path)), start_input, run_id=run_id, payload_codec=payload_codec
    )


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a JSON file: {error}") from error
    if isinstance(document, dict):
        document = cast("dict[str, Any]", document).get("events")
    if not is_list(document):
        raise ValueError(f"{path} holds neither a list of events nor an object with 'events'")
    for position, event in enumerate(document):
        if not is_object(event):
            raise ValueError(f"{path}: event {position} is not an object")
    return document
