"""Decoding a JSON text in slices, because one of many small values would hold the loop.

The text is cut at commas into pieces of some kilobytes, each of which lies within one list or
object: what is nested in a piece is decoded with it. Lists and objects that are longer are put
together of their pieces. Where a cut would be wrong because the text is, a piece is no JSON.
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias

import msgspec

from durable_workflow.server.slices import Slices

# Decoding so much takes a millisecond at most.
_PIECE_BYTES: Final = 16 * 1024
# What is nested no deeper is skipped by one search; the rest step by step, each of which takes
# some microseconds. More steps than any real document needs would take seconds.
_SKIPPED_LEVELS: Final = 8
_MOST_STEPS: Final = 100_000

_Patterns: TypeAlias = tuple[re.Pattern[bytes], re.Pattern[bytes]]
_STRING: Final = rb'"(?:[^"\\]++|\\.)*+"'
_string: Final = re.compile(_STRING)
_decode = msgspec.json.Decoder().decode
_OPENING: Final = b"[{"
_CLOSING: Final = {b"["[0]: b"]"[0], b"{"[0]: b"}"[0]}
_QUOTE: Final = b'"'[0]
_SPACE: Final = b" \t\r\n"


def _patterns(levels: int) -> _Patterns:
    """What finds members with a comma behind each, and what is left of a member."""
    nested = b""
    for _ in range(levels):
        nested = rb'|[\[{](?:[^"\[\]{}]++|' + _STRING + nested + rb")*+[\]}]"
    member = rb'(?:[^"\[\]{},]++|' + _STRING + nested + rb")*+"
    return re.compile(rb"(?:" + member + rb",)*+"), re.compile(member)


_NESTED: Final = _patterns(_SKIPPED_LEVELS)
_FLAT: Final = _patterns(0)


class _Open:
    """A list or an object whose end has not been found.

    Attributes:
        start: Where it stands in the text.
        value: What has been decoded of it.
        is_cut: Whether something has.
        begin: Where the rest begins: with a comma, or what should be one, if it is cut.
        comma: The last comma between its members from there on.
    """

    __slots__ = ("begin", "comma", "is_cut", "start", "value")

    def __init__(self, start: int, value: list[Any] | dict[str, Any]) -> None:
        self.start = start
        self.value = value
        self.is_cut = False
        self.begin = start + 1
        self.comma: int | None = None


class Sliced:
    """Decodes one text.

    Args:
        text: UTF-8.
        deepest: Lists and objects in each other.
    """

    def __init__(self, text: bytes, deepest: int) -> None:
        self._text = text
        self._deepest = deepest
        self._open: list[_Open] = []
        self._begun = 0

    def decode(self) -> Slices[Any]:
        """The value.

        Raises:
            DecodeError: It is no JSON.
            RecursionError: It is nested too deeply, or too often deeply.
        """
        text = self._text
        at = len(text) - len(text.lstrip(_SPACE))
        if text[at : at + 1] not in (b"[", b"{"):
            return _decode(text)
        self._begin(at)
        at += 1
        while True:
            yield
            at = self._skip(at)
            byte = text[at] if at < len(text) else None
            if byte is None:
                raise msgspec.DecodeError("Input data was truncated")
            if byte in _OPENING:
                self._begin(at)
                at += 1
            elif byte == _QUOTE:
                # Longer than a piece, or without an end.
                found = _string.match(text, at)
                if found is None:
                    raise msgspec.DecodeError(f"a string without an end (byte {at})")
                at = found.end()
            elif byte in _CLOSING.values():
                closed = self._end(at)
                at += 1
                if not self._open:
                    if text[at:].strip(_SPACE):
                        raise msgspec.DecodeError(f"trailing characters (byte {at})")
                    return closed.value if closed.is_cut else _decode(text)

    def _skip(self, at: int) -> int:
        """Go over members, as far as a piece reaches or can be skipped."""
        top = self._open[-1]
        fits = len(self._open) + _SKIPPED_LEVELS <= self._deepest
        members, member = _NESTED if fits else _FLAT
        end = at + _PIECE_BYTES
        behind_commas = _end_of(members, self._text, at, end)
        if behind_commas > at:
            top.comma = behind_commas - 1
            if top.comma - top.begin >= _PIECE_BYTES:
                self._take(top, top.comma, at_comma=True)
                top.begin = top.comma
        return _end_of(member, self._text, behind_commas, end)

    def _begin(self, at: int) -> None:
        self._begun += 1
        if len(self._open) == self._deepest or self._begun > _MOST_STEPS:
            raise RecursionError
        self._open.append(_Open(at, [] if self._text[at] == _OPENING[0] else {}))

    def _end(self, at: int) -> _Open:
        """A list or an object ends; if it was cut, what it is in is cut around it."""
        closed = self._open.pop()
        if self._text[at] != _CLOSING[self._text[closed.start]]:
            raise msgspec.DecodeError(f"invalid character (byte {at})")
        if closed.is_cut:
            self._take(closed, at, at_comma=False)
            if self._open:
                self._put(self._open[-1], closed, at + 1)
        return closed

    def _take(self, into: _Open, end: int, *, at_comma: bool) -> None:
        """Decode the members up to a comma, or to the end of what they are in."""
        piece = self._text[into.begin : end].strip(_SPACE)
        first, into.is_cut = not into.is_cut, True
        if not first:
            if not piece:
                return  # behind a member that was put in
            if piece[:1] != b",":
                raise msgspec.DecodeError(f"a comma is missing (byte {into.begin})")
            piece = piece[1:]
        value = into.value
        found = _decode(b"[%b]" % piece if isinstance(value, list) else b"{%b}" % piece)
        if not found and (at_comma or not first):
            raise msgspec.DecodeError(f"a member is missing (byte {end})")
        if isinstance(value, list):
            value += found
        else:
            value.update(found)

    def _put(self, into: _Open, member: _Open, end: int) -> None:
        """Put a member in that was cut itself, behind those that stand before it."""
        if into.comma is not None:
            if into.comma > into.begin or not into.is_cut:
                self._take(into, into.comma, at_comma=True)
            before = into.comma + 1
        elif into.is_cut:
            raise msgspec.DecodeError(f"a comma is missing (byte {into.begin})")
        else:
            before = into.begin
        name = self._text[before : member.start]
        if isinstance(into.value, list):
            if name.strip(_SPACE):
                raise msgspec.DecodeError(f"a comma is missing (byte {before})")
            into.value.append(member.value)
        else:
            [key] = _decode(b"{%bnull}" % name)
            into.value[key] = member.value
        into.is_cut, into.begin, into.comma = True, end, None


def _end_of(pattern: re.Pattern[bytes], text: bytes, begin: int, end: int) -> int:
    found = pattern.match(text, begin, end)
    assert found is not None  # nothing matches as well
    return found.end()
