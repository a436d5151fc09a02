"""What the server refuses in commands for being too long: found here too, before production."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

# The server's own bound for any length of time: times must be valid dates.
_LONGEST_SECONDS: Final = 100 * 366 * 86_400
_LENGTHS: Final = (
    "delay_seconds",
    "timeout_seconds",
    "start_to_close_timeout",
    "schedule_to_start_timeout",
    "schedule_to_close_timeout",
    "heartbeat_timeout",
    "execution_timeout_seconds",
    "run_timeout_seconds",
)


def refuse_too_long(commands: Sequence[Mapping[str, Any]]) -> None:
    """Check the lengths of time in the commands of a task, as they are sent.

    Raises:
        ValueError: One is beyond a hundred years, in the words of the server.
    """
    for index, command in enumerate(commands):
        for name in _LENGTHS:
            length = command.get(name)
            if length is not None and float(length) > _LONGEST_SECONDS:
                raise ValueError(
                    f"The commands.{index}.{name} field must not be greater than "
                    f"{_LONGEST_SECONDS}."
                )
