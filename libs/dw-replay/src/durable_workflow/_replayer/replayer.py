"""`Replayer`: replays the history of whichever registered workflow it is of."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from durable_workflow import serializer
from durable_workflow._replayer.recording import Recording, read_recording
from durable_workflow.external_storage import ExternalPayloadCache, ExternalStorageDriver
from durable_workflow.workflow import ReplayOutcome, replay


class Registry:
    """Workflow classes by their type names."""

    def __init__(self, workflows: Iterable[type]) -> None:
        """Take the classes.

        Raises:
            ValueError: There are none, or two have one type name.
            TypeError: One is no class.
        """
        self.classes: dict[str, type] = {}
        for cls in workflows:
            name = type_name(cls)
            other = self.classes.get(name)
            if other is not None:
                raise ValueError(
                    f"two workflows are named {name!r}: {_path(other)} and {_path(cls)}"
                )
            self.classes[name] = cls
        if not self.classes:
            raise ValueError("give at least one workflow class")

    def find(self, workflow_type: str | None) -> type:
        """The class of a type; the only class where no type is known.

        Raises:
            ValueError: There is no such class, or several and no type.
        """
        registered = ", ".join(sorted(self.classes))
        if workflow_type is None:
            if len(self.classes) == 1:
                return next(iter(self.classes.values()))
            raise ValueError(
                "the history does not name its workflow type, and several workflows are "
                f"registered ({registered}): give workflow_type"
            )
        found = self.classes.get(workflow_type)
        if found is None:
            raise ValueError(
                f"workflow type {workflow_type!r} is not registered; registered are: {registered}"
            )
        return found


class Replayer:
    """Replays recorded histories against the workflow code that is there now.

    Register every class once and call `replay` for each captured history (replay.md 9.1).
    """

    def __init__(self, *, workflows: Iterable[type], convert_arguments: bool = True) -> None:
        """Register workflow classes.

        Args:
            workflows: The classes; each is found by its type name.
            convert_arguments: As `Worker` was told that runs them.
        Raises:
            ValueError: There are none, or two have one type name.
            TypeError: One is no class.
        """
        self._registry = Registry(workflows)
        self._convert_arguments = convert_arguments

    def replay(
        self,
        history: Iterable[dict[str, Any]] | Mapping[str, Any],
        start_input: list[Any] | None = None,
        *,
        workflow_type: str | None = None,
        workflow_id: str | None = None,
        run_id: str = "",
        payload_codec: str | None = None,
        external_storage: ExternalStorageDriver | None = None,
        external_storage_cache: ExternalPayloadCache | None = None,
    ) -> ReplayOutcome:
        """Run a registered workflow against a history.

        What is not given is taken from the history, where that says it: type, ids, codec and start
        input.

        Args:
            history: The events, or an object that has them under `events`, `history_events` or
                `history`: what `Client.get_history` and `Client.export_history` return.
            start_input: Decoded positional arguments of `run`.
            workflow_type: Which registered workflow it is of.
            workflow_id: Named by errors about undecodable payloads.
            run_id: Seeds everything random.
            payload_codec: The run's codec, for payloads that name none.
            external_storage: Where offloaded payloads are.
            external_storage_cache: Verified payloads that need not be fetched again.
        Returns:
            The commands; a workflow that fails is a `FailWorkflow` among them.
        Raises:
            ValueError: The history is none, its type is not registered or not known, or its start
                input does not decode.
            NonDeterministicReplayError: The code does not go with the history.
            WorkflowPayloadDecodeError: Arguments of a signal or an update do not decode.
        """
        recording = read_recording(history)
        cls = self._registry.find(workflow_type or recording.workflow_type)
        codec = payload_codec or recording.payload_codec
        if start_input is None:
            start_input = _recorded_input(
                recording, codec, external_storage, external_storage_cache
            )
        return replay(
            cls,
            cast("Iterable[dict[str, Any]]", recording.events),
            start_input,
            workflow_id=workflow_id or recording.workflow_id,
            run_id=run_id or recording.run_id or "",
            payload_codec=codec,
            external_storage=external_storage,
            external_storage_cache=external_storage_cache,
            convert_arguments=self._convert_arguments,
        )


def type_name(workflow_cls: type) -> str:
    """The type name of a workflow class; an undecorated one goes by its Python name.

    Raises:
        TypeError: It is no class.
    """
    given = cast("object", workflow_cls)
    if not isinstance(given, type):
        raise TypeError(f"give workflow classes, not {given!r}")
    name = getattr(workflow_cls, "__workflow_name__", None)
    return name if isinstance(name, str) and name else workflow_cls.__name__


def _recorded_input(
    recording: Recording,
    codec: str | None,
    storage: ExternalStorageDriver | None,
    cache: ExternalPayloadCache | None,
) -> list[Any]:
    def decode(value: Any, own_codec: Any) -> Any:
        return serializer.decode_envelope(
            value, own_codec, external_storage=storage, external_storage_cache=cache
        )

    try:
        return recording.arguments(codec, decode)
    except ValueError as error:
        raise ValueError(f"the recorded start input does not decode: {error}") from error


def _path(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
