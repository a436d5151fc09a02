"""The limits of a server for one completion, and the check of a completion against them.

A server refuses a larger one each time that it is sent. Its message names a limit and not the
command; if the whole request is too large it may even close the connection in the middle. So the
worker checks before it sends.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.serializer import AVRO_CODEC

# A message of an exception may be of any length, and the failure must be reported all the same.
_LONGEST_TEXT = 64 * 1024
# Generous bounds: of a command without its payload, and of a character when it is escaped.
_COMMAND_BYTES = 4096
_ESCAPED_BYTES = 6

# What a report has room for besides a result and the commands that go along with it.
_ROOM_BYTES = 64 * 1024
# Where fewer are left for commands it is not tried: most would not fit.
_LEAST_BESIDE_BYTES = 256 * 1024
# More are applied in turns of their own.
_MOST_BESIDE = 100

_PAYLOAD_FIELDS = ("arguments", "result")
_NAMES = ("activity_type", "workflow_type", "change_id", "update_id")


class CompletionTooLarge(ValueError):
    """The server would refuse a completion for its size. The message names the command at fault."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server says it takes; None where it says nothing, or has no such limit.

    Attributes:
        payload_bytes: Largest blob of one payload.
        request_bytes: Largest body of a request.
    """

    payload_bytes: int | None = None
    request_bytes: int | None = None

    def check(self, commands: Sequence[JsonObject]) -> None:
        """Check a completion against the limits.

        Args:
            commands: In wire form.
        Raises:
            CompletionTooLarge: It would be refused.
        """
        self._check(commands, self.request_bytes)

    def _check(self, commands: Sequence[JsonObject], request_bytes: int | None) -> None:
        sizes = [_payload_size(command) for command in commands]
        for index, size in enumerate(sizes):
            if self.payload_bytes is not None and size > self.payload_bytes:
                raise CompletionTooLarge(
                    f"{_shown(index, commands[index], size)}, and the server takes at most "
                    f"{self.payload_bytes} bytes in one payload (payload_size): keep large values "
                    "in external storage, or elsewhere, and pass a reference"
                )
        if request_bytes is not None and commands:
            _check_whole(commands, sizes, request_bytes)

    def has_room_beside(self, result: JsonObject) -> bool:
        """Whether a report may bring commands of some size besides a result."""
        return self.request_bytes is None or self._left_beside(result) >= _LEAST_BESIDE_BYTES

    def check_beside(self, result: JsonObject, commands: Sequence[JsonObject]) -> None:
        """Check commands that go along with a result in one request.

        Args:
            result: As an envelope.
            commands: In wire form.
        Raises:
            CompletionTooLarge: Both together may be refused.
        """
        if len(commands) > _MOST_BESIDE:
            raise CompletionTooLarge(f"a report brings {_MOST_BESIDE} commands at most")
        left = None if self.request_bytes is None else self._left_beside(result)
        self._check(commands, left)

    def _left_beside(self, result: JsonObject) -> int:
        """How many bytes a request has left for commands besides a result."""
        assert self.request_bytes is not None
        growth = 1 if result.get("codec") == AVRO_CODEC else _ESCAPED_BYTES  # base64 has no escapes
        return self.request_bytes - _ROOM_BYTES - growth * _blob_size(result)

    def shorten_messages(self, commands: Sequence[JsonObject]) -> None:
        """Cut the messages of failures down to what can be sent."""
        longest = min(_LONGEST_TEXT, self.payload_bytes or _LONGEST_TEXT)
        for command in commands:
            message = command.get("message")
            if isinstance(message, str):
                command["message"] = shortened(message, longest)


def read_limits(cluster_info: Mapping[str, Any]) -> Limits:
    """The limits that a server announces."""
    return Limits(
        payload_bytes=_limit(cluster_info.get("structural_limits"), "payload_size_bytes"),
        request_bytes=_limit(cluster_info.get("limits"), "max_payload_bytes"),
    )


def shortened(text: str, longest: int = _LONGEST_TEXT) -> str:
    """A text as it is, or its beginning and how long it was: at most `longest` bytes in UTF-8."""
    # File names that are no UTF-8 have half surrogate pairs in Python, and land in messages.
    encoded = text.encode(errors="backslashreplace")
    if len(encoded) <= longest:
        return encoded.decode()
    length = f"... ({len(text)} characters)"
    return encoded[: max(0, longest - len(length))].decode(errors="ignore") + length


def _check_whole(commands: Sequence[JsonObject], sizes: list[int], limit: int) -> None:
    unbounded = False
    for command in commands:
        if "attributes" in command or "message" in command:
            unbounded = True
    # Almost every completion ends here, as if all of it were escaped.
    most = sum(sizes) * _ESCAPED_BYTES + len(commands) * _COMMAND_BYTES
    if most > limit:  # of base64 nothing is
        most -= (_ESCAPED_BYTES - 1) * sum(
            size
            for command, size in zip(commands, sizes, strict=True)
            if size and _is_base64(command)
        )
    if most <= limit and not unbounded:
        return
    encoded = json.dumps(commands, ensure_ascii=False, separators=(",", ":"))
    whole = len(encoded) if encoded.isascii() else len(encoded.encode())
    if whole > limit:
        lengths = [len(json.dumps(command, ensure_ascii=False)) for command in commands]
        index = max(range(len(lengths)), key=lengths.__getitem__)
        largest = _shown(index, commands[index], sizes[index] or lengths[index])
        raise CompletionTooLarge(
            f"the {len(commands)} commands of this completion have {whole} bytes, and the "
            f"server takes at most {limit} bytes in one request (max_payload_bytes); the "
            f"largest is {largest}: ask for less at "
            "once, or keep large values in external storage"
        )


def _payload_size(command: JsonObject) -> int:
    largest = 0
    for field in _PAYLOAD_FIELDS:  # in a loop: a generator for two takes as long as all the rest
        if field in command:
            largest = max(largest, _blob_size(command[field]))
    return largest


def _is_base64(command: JsonObject) -> bool:
    """Whether all payloads are in base64, of which JSON escapes nothing."""
    payloads = [command[field] for field in _PAYLOAD_FIELDS if command.get(field) is not None]
    return all(
        isinstance(payload, dict) and cast("JsonObject", payload).get("codec") == AVRO_CODEC
        for payload in payloads
    )


def _blob_size(value: object) -> int:
    """Bytes of the blob in an envelope or of a bare one; what is kept elsewhere has none here."""
    blob = cast("JsonObject", value).get("blob") if isinstance(value, dict) else value
    if not isinstance(blob, str):
        return 0
    return len(blob) if blob.isascii() else len(blob.encode())


def _shown(index: int, command: JsonObject, size: int) -> str:
    names = (command.get(name) for name in _NAMES)
    name = next((f" '{name}'" for name in names if isinstance(name, str)), "")
    fields = (*_PAYLOAD_FIELDS, "attributes")
    field = next((field for field in fields if command.get(field) is not None), "payload")
    return f"commands.{index} ({command.get('type')}{name}): {field} of {size} bytes"


def _limit(limits: object, name: str) -> int | None:
    value = cast("JsonObject", limits).get(name) if isinstance(limits, dict) else None
    known = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return cast("int", value) if known else None
