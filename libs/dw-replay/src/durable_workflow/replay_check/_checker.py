"""Checking one recorded run: replay it, judge it, and explain what went wrong.

Nearly all runs of a good build replay, and they are read as they are replayed. What does not replay
at once is read as a whole and replayed again, which explains it, and shows whether the code does
the same thing twice.
"""

import itertools
import json
from collections.abc import Iterable
from typing import Any, Final

from durable_workflow import serializer
from durable_workflow._kernel import Machine
from durable_workflow._kernel.kind import Decode
from durable_workflow._replayer import Recording, Registry, read_recording
from durable_workflow._wire.json_values import is_object
from durable_workflow.errors import NonDeterministicReplayError
from durable_workflow.external_storage import ExternalPayloadCache, ExternalStorageDriver
from durable_workflow.history_bundle_verify import BUNDLE_SCHEMA, STATUS_FAILED, verify_bundle
from durable_workflow.replay_check._judging import OK, Judgement, how_ended, judge
from durable_workflow.replay_check._opening import open_history
from durable_workflow.replay_check._report import RunReport
from durable_workflow.replay_verify import (
    REASON_BUNDLE_INVALID,
    REASON_REPLAY_ERROR,
    VERDICT_DRIFTED,
    VERDICT_FAILED,
)
from durable_workflow.replay_verify._causes import UNSTABLE, raised
from durable_workflow.replay_verify._divergence import (
    Divergence,
    explain,
    explain_end,
    explain_failure,
)
from durable_workflow.replay_verify._replays import (
    Replay,
    error_block,
    replay_events,
    start_of,
)

# Within so many events a history says of which run it is.
_HEAD: Final = 16
_CACHED_PAYLOADS: Final = 256


class Checker:
    """Checks recorded runs against workflow classes."""

    def __init__(
        self,
        workflows: Iterable[type],
        *,
        external_storage: ExternalStorageDriver | None = None,
        signing_key: str | None = None,
    ) -> None:
        """Take the workflow classes.

        Args:
            workflows: What the build registers.
            external_storage: Where offloaded payloads are.
            signing_key: The key that exported bundles are signed with.
        Raises:
            ValueError: There are no workflows, or two have one type name.
        """
        self.registry = Registry(workflows)
        self._signing_key = signing_key
        self._decode = _decoder(external_storage)

    def check_bytes(self, source: str, payload: bytes) -> RunReport:
        """Check a history as JSON.

        Args:
            source: Where it came from.
            payload: A list of events, a history document or an exported bundle, in UTF-8.
        """
        report = self._check_in_passing(source, payload)
        if report is not None:
            return report
        try:
            document: object = json.loads(payload)
        except (ValueError, RecursionError) as error:
            return _unreadable(source, f"no JSON: {error}")
        return self.check_document(source, document)

    def check_document(self, source: str, document: object) -> RunReport:
        """Check a parsed history: a list of events, a history document or an exported bundle."""
        broken = self._broken_bundle(document)
        if broken is not None:
            return _unreadable(source, broken)
        try:
            recording = read_recording(document)
            cls = self.registry.find(recording.workflow_type)
            start = start_of(recording, None, self._decode)
        except Exception as error:  # noqa: BLE001 (whatever the codec raises)
            return _unreadable(source, str(error))
        replay = replay_events(cls, start, recording.events)
        incomplete = _incomplete(recording, replay.machine)
        if incomplete is not None:
            return _unreadable(source, incomplete)
        judgement = judge(replay, start.payload_codec)
        if judgement is OK:
            return _report(source, recording, judgement, len(recording.events))
        again = replay_events(cls, start, recording.events)
        divergence = _explanation(replay, again, judgement, cls, recording)
        block = None
        if judgement.reason == REASON_REPLAY_ERROR and replay.error is not None:
            judgement = _about_input(judgement, replay.error, recording)
            block = error_block(replay.error, with_traceback=True)
        return _report(
            source,
            recording,
            judgement,
            len(recording.events),
            divergence=divergence.to_dict() if divergence is not None else None,
            error=block,
        )

    def _check_in_passing(self, source: str, payload: bytes) -> RunReport | None:
        """Replay events as they are parsed; None unless everything is well with that."""
        try:
            history = open_history(payload)
            if history.document.get("schema") == BUNDLE_SCHEMA:
                return None
            events = history.events()
            head = list(itertools.islice(events, _HEAD))
            recording = read_recording({**history.document, "events": head})
            cls = self.registry.find(recording.workflow_type)
            start = start_of(recording, None, self._decode)
        except Exception:  # noqa: BLE001 (told of when it is read as a whole)
            return None
        replay = replay_events(cls, start, itertools.chain(head, events))
        recording.document = history.document
        machine = replay.machine
        if machine is None or _incomplete(recording, machine) is not None:
            return None
        if judge(replay, start.payload_codec) is not OK:
            return None
        return _report(source, recording, OK, machine.event_count)

    def _broken_bundle(self, document: object) -> str | None:
        """What is wrong with an exported bundle, if it is one."""
        if not is_object(document) or document.get("schema") != BUNDLE_SCHEMA:
            return None
        report = verify_bundle(document, self._signing_key)
        if report["status"] != STATUS_FAILED:
            return None
        messages = [finding["message"] for finding in report["findings"]]
        return f"the bundle is not in good order: {'; '.join(messages[:3])}"


def _incomplete(recording: Recording, machine: Machine | None) -> str | None:
    """What shows that events are missing."""
    if recording.document.get("next_page_token"):
        return "the history is one page of several: get all of it"
    if machine is not None and machine.event_count == 0:
        return "the history has no events"
    if machine is not None and machine.last_sequence not in (0, machine.event_count):
        return (
            f"events are missing: the history has {machine.event_count}, and the last has sequence "
            f"{machine.last_sequence}"
        )
    return None


def _explanation(
    replay: Replay, again: Replay, judgement: Judgement, cls: type, recording: Recording
) -> Divergence | None:
    machine, events = replay.machine, recording.events
    if machine is None or judgement.verdict != VERDICT_DRIFTED:
        return None
    divergence: Divergence | None = None
    if isinstance(replay.error, NonDeterministicReplayError):
        divergence = explain(replay.error, machine, cls, events)
    elif replay.failure is not None:
        cause = None if machine.mismatched else raised(replay.failure)
        divergence = explain_failure(replay.failure, machine, cls, events, cause)
    elif machine.closing is not None:
        end = how_ended(machine.closing)
        divergence = explain_end(end, machine.closing, machine, cls, judgement.message)
    stable = str(again.error) == str(replay.error) and again.failure == replay.failure
    return divergence if stable or divergence is None else divergence.because(UNSTABLE)


def _about_input(judgement: Judgement, error: BaseException, recording: Recording) -> Judgement:
    if isinstance(error, TypeError) and not recording.has_input:
        advice = (
            "; the history does not say what the run was started with: save it with its input, as "
            "`--server URL --save FOLDER` does"
        )
        return Judgement(judgement.verdict, judgement.reason, judgement.message + advice)
    return judgement


def _report(
    source: str, recording: Recording, judgement: Judgement, count: int, **found: Any
) -> RunReport:
    return RunReport(
        source=source,
        verdict=judgement.verdict,
        reason=judgement.reason,
        message=judgement.message,
        workflow_type=recording.workflow_type,
        workflow_id=recording.workflow_id,
        run_id=recording.run_id,
        event_count=count,
        **found,
    )


def _unreadable(source: str, message: str) -> RunReport:
    return RunReport(source, VERDICT_FAILED, REASON_BUNDLE_INVALID, message)


def _decoder(storage: ExternalStorageDriver | None) -> Decode:
    cache = ExternalPayloadCache(max_entries=_CACHED_PAYLOADS) if storage is not None else None

    def decode(value: Any, codec: Any) -> Any:
        return serializer.decode_envelope(
            value, codec, external_storage=storage, external_storage_cache=cache
        )

    return decode
