"""Warnings about payloads that come near the server's limit."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from durable_workflow.serializer import _json

log = logging.getLogger("durable_workflow.serializer")

DEFAULT_PAYLOAD_SIZE_BYTES: Final = 2 * 1024 * 1024
DEFAULT_WARNING_THRESHOLD_PERCENT: Final = 80

# Most bytes that UTF-8 takes for a character.
_UTF8_BYTES = 4


@dataclass(frozen=True)
class PayloadSizeWarningConfig:
    """When to warn. Nothing is refused on this side; the server does that.

    Attributes:
        limit_bytes: Size that the server refuses.
        threshold_percent: Part of the limit from which on to warn.
    """

    limit_bytes: int = DEFAULT_PAYLOAD_SIZE_BYTES
    threshold_percent: int = DEFAULT_WARNING_THRESHOLD_PERCENT

    def __post_init__(self) -> None:
        if self.limit_bytes < 1:
            raise ValueError("payload size limit_bytes must be at least 1")
        if not 1 <= self.threshold_percent <= 100:
            raise ValueError("payload size threshold_percent must be from 1 to 100")

    @property
    def threshold_bytes(self) -> int:
        """Size from which on to warn."""
        return max(1, self.limit_bytes * self.threshold_percent // 100)


DEFAULT_PAYLOAD_SIZE_WARNING: Final = PayloadSizeWarningConfig()


@dataclass(frozen=True)
class PayloadSizeWarningContext:
    """Which payload a warning is about; every attribute that is set is logged."""

    kind: str
    workflow_id: str | None = None
    workflow_type: str | None = None
    run_id: str | None = None
    activity_name: str | None = None
    signal_name: str | None = None
    update_name: str | None = None
    query_name: str | None = None
    schedule_id: str | None = None
    task_queue: str | None = None
    namespace: str | None = None

    def to_log_context(self) -> dict[str, str]:
        """The attributes that are set."""
        return {key: value for key, value in asdict(self).items() if value is not None}


PayloadWarningContext = PayloadSizeWarningContext | Mapping[str, Any] | None
PayloadWarningContexts = PayloadWarningContext | Sequence[PayloadWarningContext]


def warn_if_payload_near_limit(
    blob: str,
    *,
    codec: str,
    size_warning: PayloadSizeWarningConfig | None = DEFAULT_PAYLOAD_SIZE_WARNING,
    warning_context: PayloadWarningContext = None,
) -> None:
    """Log one warning when an encoded payload is at or above the threshold.

    Args:
        blob: The encoded payload.
        codec: Its codec.
        size_warning: When to warn; None never does.
        warning_context: Which payload it is, for the log record.
    """
    if size_warning is None:
        return
    threshold = size_warning.threshold_bytes
    # Almost every payload ends here, without its bytes being counted.
    if len(blob) * _UTF8_BYTES < threshold:
        return
    size = blob_size(blob)
    if size >= threshold:
        _warn(size, codec, size_warning, warning_context)


def warn_if_json_payload_near_limit(
    value: Any,
    *,
    size_warning: PayloadSizeWarningConfig | None = DEFAULT_PAYLOAD_SIZE_WARNING,
    warning_context: PayloadWarningContext = None,
) -> None:
    """The same for a value that travels as plain JSON; measured as compact text."""
    if size_warning is not None:
        warn_if_payload_near_limit(
            _json.encode(value),
            codec="json",
            size_warning=size_warning,
            warning_context=warning_context,
        )


def warn_each(
    blobs: Sequence[str],
    *,
    codec: str,
    size_warning: PayloadSizeWarningConfig | None,
    warning_context: PayloadWarningContexts,
) -> None:
    """The same for each of several payloads.

    Raises:
        ValueError: `warning_context` is a sequence of another length than `blobs`.
    """
    contexts = context_of_each(warning_context, len(blobs))
    if size_warning is not None:
        enough = size_warning.threshold_bytes / _UTF8_BYTES
        for place, blob in enumerate(blobs):
            if len(blob) >= enough:
                warn_if_payload_near_limit(
                    blob, codec=codec, size_warning=size_warning, warning_context=contexts[place]
                )


def blob_size(blob: str) -> int:
    """Bytes of the blob text in UTF-8."""
    return len(blob) if blob.isascii() else len(blob.encode())


def context_of_each(
    warning_context: PayloadWarningContexts, count: int
) -> Sequence[PayloadWarningContext]:
    """The context of each of several payloads.

    Raises:
        ValueError: There is a sequence of contexts, of another length.
    """
    if warning_context is None or isinstance(warning_context, (PayloadSizeWarningContext, Mapping)):
        return [warning_context] * count
    if len(warning_context) != count:
        raise ValueError(f"warning_context has {len(warning_context)} entries for {count} payloads")
    return warning_context


def labels_of(context: PayloadWarningContext) -> dict[str, Any]:
    """What a context says of its payload."""
    if context is None:
        return {}
    if isinstance(context, PayloadSizeWarningContext):
        return context.to_log_context()
    return {key: value for key, value in context.items() if value is not None}


def _warn(
    size: int,
    codec: str,
    size_warning: PayloadSizeWarningConfig,
    warning_context: PayloadWarningContext,
) -> None:
    details: dict[str, Any] = {"kind": "payload"} | labels_of(warning_context)
    details |= {
        "codec": codec,
        "payload_size": size,
        "threshold_bytes": size_warning.threshold_bytes,
        "limit_bytes": size_warning.limit_bytes,
    }
    log.warning(
        "%s of %d bytes is %s the limit of %d bytes",
        details["kind"],
        size,
        "over" if size > size_warning.limit_bytes else "near",
        size_warning.limit_bytes,
        extra={"durable_workflow_payload": details},
    )
