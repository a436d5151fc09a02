"""A history as JSON text, whose events are parsed one at a time.

Replay takes each event once. Parsed one by one they are gone again at once, and a long history
needs the memory of its text instead of five times that.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from durable_workflow._replayer.recording import HISTORY_KEYS

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_DECODER: Final = json.JSONDecoder()
# Members that say how a run was started, which must be known before its code runs.
_OF_THE_START: Final = frozenset(
    {
        "arguments",
        "input",
        "input_envelope",
        "instance_id",
        "payload_codec",
        "payloads",
        "run_id",
        "start_input",
        "workflow",
        "workflow_id",
        "workflow_type",
    }
)


class NotSequential(ValueError):
    """This text cannot be read from its beginning to its end in one go: parse it as a whole."""


class HistoryText:
    """The text of a list of events, or of an object that has one.

    Attributes:
        document: Members that stand before the events, and after `events` came to its end those
            behind it.
    """

    def __init__(self, text: str) -> None:
        """Read as far as the first event.

        Raises:
            NotSequential: It has another form, or is no JSON.
        """
        self.document: dict[str, Any] = {}
        self._text = text
        start = self._skip(0)
        self._in_object = text.startswith("{", start)
        self._at = self._find_events(start + 1) if self._in_object else start
        if not text.startswith("[", self._at):
            raise NotSequential("the events are no array")

    def events(self) -> Iterator[Mapping[str, Any]]:
        """Parse the events. What they are is not looked at.

        Raises:
            NotSequential: Something behind the events says how the run was started.
            ValueError: It is no JSON.
        """
        text, decode, skip = self._text, _DECODER.raw_decode, self._skip
        at = skip(self._at + 1)
        if not text.startswith("]", at):
            while True:
                event, at = decode(text, at)
                yield event
                if not text.startswith((",", "]"), at):
                    at = skip(at)
                if text.startswith("]", at):
                    break
                at = skip(self._expect(",", at))
        self._read_rest(at + 1)

    def _find_events(self, at: int) -> int:
        """Read members up to the events; where their array begins."""
        at = self._skip(at)
        while not self._text.startswith("}", at):
            key, at = self._key(at)
            if key in HISTORY_KEYS:
                return at
            at = self._member(key, at)
        raise NotSequential("the object has no events")

    def _read_rest(self, at: int) -> None:
        """Read what follows the events."""
        at = self._skip(at)
        if self._in_object:
            if self._text.startswith(",", at):
                at = self._skip(at + 1)
                while True:
                    key, at = self._key(at)
                    if key in _OF_THE_START or key in HISTORY_KEYS:
                        raise NotSequential(f"{key!r} stands behind the events")
                    at = self._member(key, at)
                    if self._text.startswith("}", at):
                        break
            at = self._skip(self._expect("}", at))
        if at != len(self._text):
            raise json.JSONDecodeError("Extra data", self._text, at)

    def _key(self, at: int) -> tuple[str, int]:
        """The name of a member, and where its value begins."""
        key, at = self._value(at)
        at = self._skip(self._expect(":", self._skip(at)))
        return str(key), at

    def _member(self, key: str, at: int) -> int:
        """Keep a member; where the next one begins, or the object ends."""
        self.document[key], at = self._value(at)
        at = self._skip(at)
        return self._skip(at + 1) if self._text.startswith(",", at) else at

    def _value(self, at: int) -> tuple[Any, int]:
        try:
            return _DECODER.raw_decode(self._text, at)
        except json.JSONDecodeError as error:
            raise NotSequential(str(error)) from error

    def _expect(self, character: str, at: int) -> int:
        if not self._text.startswith(character, at):
            raise json.JSONDecodeError(f"Expecting {character!r}", self._text, at)
        return at + 1

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self._text, at)
        return match.end() if match is not None else at
