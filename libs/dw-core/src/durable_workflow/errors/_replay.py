"""Errors of replay: the history and the code do not go together."""

from durable_workflow.errors._root import DurableWorkflowError


class NonDeterministicReplayError(DurableWorkflowError):
    """The code asked for something else than the history recorded at that place.

    It always leaves replay: the task fails and is tried again, and the workflow stays open.

    Attributes:
        workflow_sequence: The place, counted in workflow sequences.
        expected_shape: What the code asked for, as `activity` or `activity:<type>`.
        recorded_event_types: Types of the events that the history has there.
    """

    def __init__(
        self,
        workflow_sequence: int,
        expected_shape: str,
        recorded_event_types: list[str],
        *,
        detail: str | None = None,
    ) -> None:
        sentences = [
            f"workflow history at workflow sequence {workflow_sequence} recorded "
            f"{recorded_event_types!r}, but the current workflow yielded {expected_shape}.",
            detail,
            "Keep yielded workflow steps stable across deployments or run this workflow on a "
            "compatible build.",
        ]
        super().__init__(" ".join(sentence for sentence in sentences if sentence))
        self.workflow_sequence = workflow_sequence
        self.expected_shape = expected_shape
        self.recorded_event_types = list(recorded_event_types)


class WorkflowPayloadDecodeError(DurableWorkflowError):
    """The recorded arguments of a signal or an update cannot be decoded.

    Each keyword of the constructor is an attribute; `__cause__` is the codec's error.
    """

    def __init__(
        self,
        message: str,
        *,
        workflow_id: str | None = None,
        run_id: str | None = None,
        event_id: str | None = None,
        receiver_kind: str | None = None,
        receiver_name: str | None = None,
        codec: str | None = None,
        payload_head: str | None = None,
        exception_type: str | None = None,
    ) -> None:
        super().__init__(message)
        self.workflow_id = workflow_id
        self.run_id = run_id
        self.event_id = event_id
        self.receiver_kind = receiver_kind
        self.receiver_name = receiver_name
        self.codec = codec
        self.payload_head = payload_head
        self.exception_type = exception_type
