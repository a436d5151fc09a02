"""The driver of generator workflows: resumes the code, and returns what it did as a value."""

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from types import FrameType
from typing import Any, TypeAlias

from durable_workflow._kernel.places import (
    Place,
    place_of_frame,
    places_of_error,
    places_of_generator,
)
from durable_workflow._kernel.replay_state import Send, Throw
from durable_workflow.errors import NonDeterministicReplayError


# Not frozen: each time that the code is resumed makes one.
@dataclass(slots=True)
class Yielded:
    """The code stopped at a yield."""

    value: Any


@dataclass(slots=True)
class Returned:
    """The code came to its end."""

    value: Any


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception left the code."""

    error: Exception


Progress: TypeAlias = Yielded | Returned | Raised


class GeneratorDriver:
    """Drives one generator. A `BaseException` from the code passes through untouched."""

    def __init__(self, generator: Generator[Any, Any, Any]) -> None:
        self._generator = generator
        # Kept because a generator that has ended no longer knows where it returned.
        self._frame: FrameType | None = getattr(generator, "gi_frame", None)
        self._ended_at: tuple[Place, ...] = ()

    def resume(self, answer: Send | Throw) -> Progress:
        """Answer the yield at which the code stands, and run to the next."""
        try:
            if isinstance(answer, Throw):
                return Yielded(self._generator.throw(answer.error))
            return Yielded(self._generator.send(answer.value))
        except StopIteration as end:
            if self._frame is not None:
                self._ended_at = (place_of_frame(self._frame),)
            self._frame = None
            return Returned(end.value)
        except NonDeterministicReplayError:
            raise
        except Exception as error:  # noqa: BLE001 (code of the author may raise anything)
            self._ended_at = places_of_error(error)
            self._frame = None
            return Raised(error)

    @property
    def places(self) -> tuple[Place, ...]:
        """The lines at which the code stands, the outermost first, or at which it ended."""
        return places_of_generator(self._generator) if self.suspended else self._ended_at

    @property
    def frame_locals(self) -> dict[str, Any]:
        """Variables of the suspended code, for estimates of its size."""
        frame = getattr(self._generator, "gi_frame", None)
        return frame.f_locals if frame is not None else {}

    @property
    def suspended(self) -> bool:
        """Whether closing may run code: that of `finally` blocks."""
        return getattr(self._generator, "gi_frame", None) is not None

    def close(self) -> None:
        """Drop the suspended code.

        A `finally` block may yield once more. Its command is ignored, and the generator is closed
        again.
        """
        for _ in range(8):
            with contextlib.suppress(RuntimeError):
                self._generator.close()
                return

    def __del__(self) -> None:
        """Close the code when it is dropped, not when garbage is collected."""
        if not self._ended_at:
            self.close()
