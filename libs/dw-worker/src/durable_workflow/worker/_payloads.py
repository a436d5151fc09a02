"""Payloads as one worker reads and writes them: codecs, size warnings, external storage."""

import asyncio
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from durable_workflow import serializer
from durable_workflow._conversion import Fit, fitting
from durable_workflow._meet import Unencodable
from durable_workflow._wire.json_values import JsonObject
from durable_workflow.external_storage import ExternalPayloadCache, ExternalStorageDriver
from durable_workflow.serializer import PayloadSizeWarningConfig, PayloadSizeWarningContext
from durable_workflow.worker._tasks import WorkflowTask
from durable_workflow.workflow import Command, commands_to_server_commands


@dataclass(frozen=True)
class Payloads:
    """How a worker turns blobs into values and back.

    Attributes:
        task_queue: Queue of commands that name none.
        external_storage: Where large payloads are.
        threshold_bytes: From which size on; None keeps every payload inline.
        cache: Payloads that were fetched before.
        size_warning: When to warn of large payloads; None never does.
        namespace: Named in such warnings.
        converts: Whether arguments are converted by annotation.
    """

    task_queue: str
    external_storage: ExternalStorageDriver | None = None
    threshold_bytes: int | None = None
    cache: ExternalPayloadCache | None = None
    size_warning: PayloadSizeWarningConfig | None = serializer.DEFAULT_PAYLOAD_SIZE_WARNING
    namespace: str | None = None
    converts: bool = True

    @property
    def fit(self) -> Fit:
        """Makes decoded arguments fit a function."""
        return fitting(self.converts)

    def decode(self, value: Any, codec: str | None) -> Any:
        """Value of an envelope, or of a blob in `codec`."""
        return serializer.decode_envelope(
            value,
            codec,
            external_storage=self.external_storage,
            external_storage_cache=self.cache,
        )

    def decode_arguments(self, value: Any, codec: str | None) -> list[Any]:
        """Positional arguments: a list spread, another value as the only one, None as none."""
        decoded = self.decode(value, codec)
        if _is_list(decoded):
            return decoded
        return [] if decoded is None else [decoded]

    def encode_commands(self, commands: Sequence[Command], task: WorkflowTask) -> list[JsonObject]:
        """Commands as a completion carries them, in the codec of the run."""
        return commands_to_server_commands(
            commands,
            self.task_queue,
            payload_codec=task.payload_codec or serializer.AVRO_CODEC,
            size_warning=self.size_warning,
            warning_context={
                "kind": "workflow_command",
                "workflow_id": task.workflow_id or None,
                "workflow_type": task.workflow_type,
                "run_id": task.run_id or None,
                "task_queue": self.task_queue,
                "namespace": self.namespace,
            },
            **self.storage_options(),
        )

    def storage_options(self) -> dict[str, Any]:
        """The keyword arguments about storage, where driver and threshold are both configured."""
        if self.external_storage is None or self.threshold_bytes is None:
            return {}
        return {
            "external_storage": self.external_storage,
            "external_storage_threshold_bytes": self.threshold_bytes,
        }

    async def sealed(
        self, value: Any, codec: str, context: PayloadSizeWarningContext
    ) -> JsonObject:
        """Envelope of a result, without blocking the event loop while a driver stores it.

        Args:
            value: What the code of users returned.
            codec: Codec of the envelope.
            context: What the log says of a result that is nearly too large.

        Raises:
            Unencodable: The value cannot be encoded.
            Exception: What the storage driver raised.
        """
        try:
            if self.external_storage is None or self.threshold_bytes is None:
                return serializer.envelope(
                    value, codec, size_warning=self.size_warning, warning_context=context
                )
            return await asyncio.to_thread(
                serializer.external_storage_envelope,
                value,
                external_storage=self.external_storage,
                threshold_bytes=self.threshold_bytes,
                codec=codec,
                size_warning=self.size_warning,
                warning_context=context,
            )
        except Exception as error:
            if (unencodable := encoding_error(value, codec, context)) is not None:
                raise Unencodable(unencodable) from error
            raise


def encoding_error(
    value: Any, codec: str, context: serializer.PayloadWarningContext
) -> Exception | None:
    """Why a value cannot be encoded, or None when it can.

    Args:
        value: The value.
        codec: The codec.
        context: Names the value in the error.
    """
    try:
        serializer.encode(value, codec, size_warning=None, warning_context=context)
    except Exception as error:  # noqa: BLE001 - users' objects raise what they like
        return error
    return None


def is_unreadable(error: Exception) -> bool:
    """Whether a payload cannot be decoded by anybody, and not only fetched now."""
    return isinstance(error, ValueError | TypeError | ImportError)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def check_codec(codec: str | None) -> None:
    """Refuse a codec that this release does not speak.

    Raises:
        ValueError: Names the codec and those that are supported.
    """
    if codec is not None and codec not in serializer.SUPPORTED_CODECS:
        supported = ", ".join(serializer.SUPPORTED_CODECS)
        raise ValueError(f"unsupported payload codec {codec!r}; supported: {supported}")


def payloads_of(
    client: object,
    *,
    task_queue: str,
    external_storage: ExternalStorageDriver | None,
    threshold_bytes: int | None,
    cache: ExternalPayloadCache | None,
    converts: bool = True,
) -> Payloads:
    """The worker's own settings, and the client's where the worker has none.

    A client may be any object that speaks the worker plane. A mock has every attribute, so each is
    used only if it has the right type.
    """
    theirs = getattr(client, "external_storage_threshold_bytes", None)
    if threshold_bytes is None and isinstance(theirs, int) and not isinstance(theirs, bool):
        threshold_bytes = theirs
    if cache is None:
        their_cache = getattr(client, "external_storage_cache", None)
        cache = their_cache if isinstance(their_cache, ExternalPayloadCache) else None
    if external_storage is None:
        driver = getattr(client, "external_storage", None)
        external_storage = driver if _is_driver(driver) else None
    size_warning = getattr(
        client, "payload_size_warning_config", serializer.DEFAULT_PAYLOAD_SIZE_WARNING
    )
    if size_warning is not None and not isinstance(size_warning, PayloadSizeWarningConfig):
        size_warning = serializer.DEFAULT_PAYLOAD_SIZE_WARNING
    namespace = getattr(client, "namespace", None)
    return Payloads(
        task_queue=task_queue,
        external_storage=external_storage,
        threshold_bytes=threshold_bytes,
        cache=cache,
        size_warning=size_warning,
        namespace=namespace if isinstance(namespace, str) else None,
        converts=converts,
    )


def _is_driver(value: object) -> bool:
    methods = [getattr(value, name, None) for name in ("put", "get", "delete")]
    return all(callable(each) and not inspect.iscoroutinefunction(each) for each in methods)
