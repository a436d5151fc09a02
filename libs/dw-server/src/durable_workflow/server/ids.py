"""Where the server's identifiers come from: ULIDs in lower case, monotonic, and seedable."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from typing import Protocol

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
# Ten bits at a time: half the look-ups that a character at a time takes, and 1,024 entries are
# few enough to stay in the cache.
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_RANDOM_BITS = 80
_TIME_BITS = 48
_LOW_BITS = 20
# How many ids have all but their last two characters in common.
_LASTS = len(_PAIRS)
# The highest of the random bits, in the character that has it: no source sets it.
_SPARE = 10
_PAIRED = str.maketrans(_ALPHABET, _ALPHABET[16:] + _ALPHABET[:16])


class IdSource(Protocol):
    """Makes identifiers that sort by the order of their making."""

    def new(self, now: int, /) -> str:
        """A new identifier. `now` is in microseconds since 1970 UTC."""
        ...


class UlidSource:
    """ULIDs: 48 bits of milliseconds, 80 random bits, Crockford's base 32 in lower case.

    Within a millisecond, and if `now` should go back, the random part counts up from where it was,
    so each id sorts after the one before.

    Args:
        seed: Makes the sequence repeatable. None takes the system's randomness.
    """

    def __init__(self, seed: int | None = None) -> None:
        source = random.SystemRandom() if seed is None else random.Random(seed)
        self._bits: Callable[[int], int] = source.getrandbits
        self._millisecond = -1
        self._now = -1
        # The end is counted by itself: a completion may need thousands of ids, and what is before
        # it stays the same. Of the end the last two characters are counted by themselves again.
        self._prefix = ""
        self._stem = ""
        self._high = 0
        self._low = 0
        self._last = 0

    def new(self, now: int, /) -> str:
        """A new identifier."""
        if now != self._now:
            millisecond = now // 1000
            if millisecond > self._millisecond:
                self._begin(millisecond)
                self._now = now
                return f"{self._stem}{_PAIRS[self._last]}"
            self._now = now
        self._last += 1
        if self._last == _LASTS:
            self._carry()
        return f"{self._stem}{_PAIRS[self._last]}"

    def _carry(self) -> None:
        self._last = 0
        self._low += 1
        if self._low < _LASTS:
            self._stem = f"{self._prefix}{_PAIRS[self._low]}"
            return
        self._low = 0
        self._high += 1
        if self._high >> (_RANDOM_BITS - _LOW_BITS):
            self._begin(self._millisecond + 1)
        else:
            self._spell()

    def _begin(self, millisecond: int) -> None:
        if millisecond >> _TIME_BITS:
            raise ValueError("the time does not fit into an identifier")
        self._millisecond = millisecond
        # The highest bit stays free, so that counting up has room for longer than any test lives.
        tail = self._bits(_RANDOM_BITS - 1)
        self._high, end = tail >> _LOW_BITS, tail & ((1 << _LOW_BITS) - 1)
        self._low, self._last = divmod(end, _LASTS)
        self._spell()

    def _spell(self) -> None:
        time, high, pairs = self._millisecond, self._high, _PAIRS
        # Not in loops: an id of a moment of its own is begun anew, as each fire of a schedule's is.
        self._prefix = (
            f"{pairs[time >> 40]}{pairs[time >> 30 & 1023]}{pairs[time >> 20 & 1023]}"
            f"{pairs[time >> 10 & 1023]}{pairs[time & 1023]}"
            f"{pairs[high >> 50]}{pairs[high >> 40 & 1023]}{pairs[high >> 30 & 1023]}"
            f"{pairs[high >> 20 & 1023]}{pairs[high >> 10 & 1023]}{pairs[high & 1023]}"
        )
        self._stem = f"{self._prefix}{pairs[self._low]}"


def id_of(text: str) -> str:
    """An identifier that is always the same for a text. It does not sort by time."""
    bits = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
    return "".join(_PAIRS[(bits >> shift) & 1023] for shift in range(120, -1, -10))


def paired(ulid: str) -> str:
    """The identifier that belongs to another one, and the other way round.

    It sorts behind those of the other one's millisecond. What is no identifier has none.
    """
    return f"{ulid[:_SPARE]}{ulid[_SPARE : _SPARE + 1].translate(_PAIRED)}{ulid[_SPARE + 1 :]}"


def created_at(ulid: str) -> int:
    """When an identifier of ours was made, to the millisecond; in microseconds since 1970 UTC."""
    millisecond = 0
    for character in ulid[:10].lower():
        millisecond = (millisecond << 5) | _ALPHABET.index(character)
    return millisecond * 1000
