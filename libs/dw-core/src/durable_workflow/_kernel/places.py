"""Places in code: the lines where a workflow stands or ended. No source files are read."""

from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Final

from durable_workflow._kernel.steps import Step
from durable_workflow.workflow._commands import Command

_OURS: Final = tuple(
    f"{__name__.partition('.')[0]}.{package}" for package in ("_kernel", "workflow")
)


@dataclass(frozen=True, slots=True)
class Place:
    """A line of code.

    Attributes:
        file: As Python names it.
        line: From 1.
        function: Its qualified name.
        module: The module that it is run in, or an empty text.
    """

    file: str
    line: int
    function: str
    module: str

    @property
    def is_ours(self) -> bool:
        """Whether it is a line of this project, and not of the author's code."""
        return any(self.module == ours or self.module.startswith(f"{ours}.") for ours in _OURS)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the code of a run stands, for explanations of a replay.

    Attributes:
        asked: The command that it waits for, of several the first that history does not have as it
            was yielded; the command that ended the run; None where it returned and history goes on.
            Of a run that fails over a mismatch it is the command at which it does.
        places: The frames that stand there, the outermost first; where the code ended, the lines at
            which it returned or raised.
        passed: How many recorded steps it has yielded.
        untaken: The recorded steps that it has not, in order.
    """

    asked: Command | None
    places: tuple[Place, ...]
    passed: int
    untaken: list[Step]


def places_of_generator(generator: object) -> tuple[Place, ...]:
    """The frames of a suspended generator and of those that it delegates to."""
    places: list[Place] = []
    while True:
        frame = getattr(generator, "gi_frame", None)
        if frame is None:
            return tuple(places)
        places.append(place_of_frame(frame))
        generator = getattr(generator, "gi_yieldfrom", None)


def places_of_error(error: BaseException | None) -> tuple[Place, ...]:
    """The frames of an error's traceback, without those of this project."""
    places: list[Place] = []
    traceback = error.__traceback__ if error is not None else None
    while traceback is not None:
        place = place_of_frame(traceback.tb_frame, traceback.tb_lineno)
        if not place.is_ours:
            places.append(place)
        traceback = traceback.tb_next
    return tuple(places)


def place_of_frame(frame: FrameType, line: int | None = None) -> Place:
    """The current line of a frame, also of one that has ended."""
    number = frame.f_lineno if line is None else line
    return _place(frame.f_code, number or 0, frame.f_globals.get("__name__"))


def place_of_function(function: object) -> tuple[Place, ...]:
    """Where a function is defined; nothing for one that is not written in Python."""
    code = getattr(function, "__code__", None)
    if code is None:
        return ()
    return (_place(code, code.co_firstlineno, getattr(function, "__module__", None)),)


def _place(code: CodeType, line: int, module: object) -> Place:
    return Place(code.co_filename, line, code.co_qualname, str(module or ""))
