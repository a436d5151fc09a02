"""What may go wrong, and how often: drawn by the seed, and calm at the end of a run."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass

_USUAL_SECONDS = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Probabilities, each of one event on the network or of one commit.

    Attributes:
        refused: A connection is refused.
        request_lost: A request breaks before the server has it.
        answer_lost: The connection breaks after the server has done what it was asked.
        silent: Where something is lost nobody is told: the caller waits for its timeout.
        doubled: A request arrives twice, as where a proxy repeats it.
        slow: A message takes seconds.
        cut: A stream is cut with a frame.
        commit_fails: A commit fails.
        commit_slow: A commit takes long.
        crash_at_commit: The server dies right before a commit, or right behind it.
    """

    refused: float = 0.0
    request_lost: float = 0.0
    answer_lost: float = 0.0
    silent: float = 0.0
    doubled: float = 0.0
    slow: float = 0.0
    cut: float = 0.0
    commit_fails: float = 0.0
    commit_slow: float = 0.0
    crash_at_commit: float = 0.0


CALM = Weather()


def draw(dice: random.Random) -> Weather:
    """The weather of a seed: each trouble is absent, rare or frequent."""

    def some(most: float) -> float:
        return dice.choice((0.0, most / 5, most))

    return Weather(
        refused=some(0.1),
        request_lost=some(0.1),
        answer_lost=some(0.1),
        silent=some(0.5),
        doubled=some(0.1),
        slow=some(0.1),
        cut=some(0.02),
        commit_fails=some(0.05),
        commit_slow=some(0.1),
        crash_at_commit=some(0.005),
    )


class Sky:
    """The weather of a run, and the dice that say what it does next."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(f"weather {seed}")
        self.now = CALM

    def happens(self, probability: float) -> bool:
        """Whether something of this probability happens."""
        return probability > 0 and self.dice.random() < probability

    def travel_seconds(self) -> float:
        """How long a message takes."""
        if self.happens(self.now.slow):
            return self.dice.uniform(0.1, 4.0)
        return self.dice.expovariate(1 / _USUAL_SECONDS)

    def commit_seconds(self) -> float:
        """How long a commit takes."""
        if self.happens(self.now.commit_slow):
            return self.dice.uniform(0.05, 1.0)
        return self.dice.uniform(0.0005, 0.004)


class Trace:
    """All that happened on the network and in the store, in order.

    Args:
        now: The time.
        show: Is given each line; None keeps the digest alone.
    """

    def __init__(self, now: Callable[[], float], show: Callable[[str], object] | None) -> None:
        self._now = now
        self._show = show
        self._digest = hashlib.blake2b(digest_size=16)
        self.lines = 0

    def note(self, what: str, data: bytes | str = b"") -> None:
        """Note an event, with the bytes that belong to it."""
        self.lines += 1
        head = f"{self._now():.6f} {what} "
        self._digest.update(head.encode())
        self._digest.update(data if isinstance(data, bytes) else data.encode())
        self._digest.update(b"\n")
        if self._show is not None:
            text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
            self._show(head + text)

    @property
    def digest(self) -> str:
        """Equal for two runs that were the same, byte for byte."""
        return self._digest.hexdigest()
