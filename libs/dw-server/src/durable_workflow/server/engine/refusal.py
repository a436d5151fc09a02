"""How the engine says no to a completion as a whole."""

from __future__ import annotations


class InvalidCommands(Exception):
    """The commands do not go together, or not with the run. Nothing of them is applied."""


class LimitExceeded(Exception):
    """A structural limit would be passed.

    Attributes:
        kind: The limit's name on the wire.
        current: What the value would be.
        configured: The limit.
    """

    def __init__(self, kind: str, current: int, configured: int) -> None:
        super().__init__(f"{kind} {current} is over the limit of {configured}")
        self.kind = kind
        self.current = current
        self.configured = configured


def within(kind: str, current: int, configured: int) -> None:
    """Raise `LimitExceeded` where `current` is over a limit that is not turned off."""
    if configured and current > configured:
        raise LimitExceeded(kind, current, configured)
