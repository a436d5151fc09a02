"""The history of a query task: what came inline, or in an export that knows more.

Older servers leave payloads out of the events of a query task and send a history export beside
them, in which the payloads stand with the activity or signal that they belong to.
"""

from collections import defaultdict
from typing import Any

from durable_workflow._wire.json_values import JsonObject, object_or_empty, objects
from durable_workflow._wire.names import ACTIVITY_COMPLETED, SIGNAL_RECEIVED
from durable_workflow.worker._tasks import QueryTask, is_event_list


def history_of(task: QueryTask) -> list[JsonObject]:
    """The events to replay, with payloads that they lack filled in from the export."""
    export = task.history_export
    if export is None:
        return task.events
    exported = export.get("history_events")
    events = task.events
    if is_event_list(exported) and len(exported) > len(events):
        events = [_as_event(event) for event in exported]
    filler = _Filler(export)
    return [filler.fill(event) for event in events]


def codec_of(task: QueryTask) -> str | None:
    """The codec of the run: the task's, else the export's."""
    if task.payload_codec is not None or task.history_export is None:
        return task.payload_codec
    codec = object_or_empty(task.history_export.get("payloads")).get("codec")
    return codec if isinstance(codec, str) and codec else None


def _as_event(event: JsonObject) -> JsonObject:
    return event if "event_type" in event else {**event, "event_type": event.get("type")}


class _Filler:
    """Payloads of one export, by what events call them."""

    def __init__(self, export: JsonObject) -> None:
        self._activities = {
            _text_of(activity.get("sequence")): activity
            for activity in objects(export.get("activities"))
        }
        signals = list(objects(export.get("signals")))
        self._by_id = {signal.get("id"): signal for signal in signals}
        self._by_command = {signal.get("command_id"): signal for signal in signals}
        self._by_name: dict[Any, list[JsonObject]] = defaultdict(list)
        for signal in signals:
            self._by_name[signal.get("name")].append(signal)
        self._used: set[int] = set()

    def fill(self, event: JsonObject) -> JsonObject:
        kind, payload = event.get("event_type"), object_or_empty(event.get("payload"))
        if kind == ACTIVITY_COMPLETED:
            found = self._activity(payload)
        elif kind == SIGNAL_RECEIVED:
            found = self._signal(event, payload)
        else:
            return event
        missing = {
            key: value
            for key, value in found.items()
            if not _is_missing(value) and _is_missing(payload.get(key))
        }
        return {**event, "payload": {**payload, **missing}} if missing else event

    def _activity(self, payload: JsonObject) -> JsonObject:
        sequence = payload.get("sequence") or payload.get("workflow_sequence")
        activity = self._activities.get(_text_of(sequence), {})
        # A result under its other name is no missing result.
        keys = ("payload_codec", "activity_type") + (
            () if not _is_missing(payload.get("output")) else ("result",)
        )
        return {key: activity.get(key) for key in keys}

    def _signal(self, event: JsonObject, payload: JsonObject) -> JsonObject:
        signal = self._matching_signal(event, payload)
        if signal is None:
            return {}
        self._used.add(id(signal))
        codec = signal.get("payload_codec")
        found: JsonObject = {
            "payload_codec": codec,
            "workflow_sequence": signal.get("workflow_sequence"),
        }
        blob = signal.get("arguments")
        if all(_is_missing(payload.get(key)) for key in ("value", "input", "arguments")):
            as_envelope = isinstance(blob, str) and blob and isinstance(codec, str)
            found["arguments"] = {"codec": codec, "blob": blob} if as_envelope else blob
        return found

    def _matching_signal(self, event: JsonObject, payload: JsonObject) -> JsonObject | None:
        signal_id = payload.get("signal_id")
        command_id = payload.get("workflow_command_id") or event.get("workflow_command_id")
        if signal_id and signal_id in self._by_id:
            return self._by_id[signal_id]
        if command_id and command_id in self._by_command:
            return self._by_command[command_id]
        same_name = self._by_name.get(payload.get("signal_name"), ())
        return next((signal for signal in same_name if id(signal) not in self._used), None)


def _is_missing(value: object) -> bool:
    return value is None or value == ""


def _text_of(value: object) -> str:
    """Sequences arrive as numbers and as digit strings."""
    return "" if value is None else str(value)
