"""Converters of what may hold itself: classes, and aliases.

Both are kept. What holds itself is found while its own converter is being made: there it is
converted by one that is looked up with the first value.
"""

import threading
import typing
from typing import Any, Final

from durable_workflow._conversion.aliases import meaning
from durable_workflow._conversion.records import Converter, Find, record
from durable_workflow._conversion.scalars import scalar

# The converters of classes, and of generic ones with their arguments.
_of_class: dict[Any, Converter | None] = {}
# Of what a converter is being made, the outermost first, by the one thread that does it.
_unfinished: list[tuple[Any, type]] = []
# The converters of aliases.
_of_alias: dict[Any, Converter | None] = {}
# Those that are being read, the outermost first, by the one thread that does it, and what is
# assumed of all that were met. What follows from an assumption is not kept.
_open: list[Any] = []
_assumed: dict[Any, Converter | None] = {}
_making: Final = threading.RLock()


def alias_converter(annotation: Any, find: Find) -> Converter | None:
    """The converter of an alias; None where values stay as they are.

    Args:
        annotation: The alias, or a generic one with its arguments, which can be hashed.
        find: Finds the converter of what it means.
    """
    if annotation in _of_alias:
        return _of_alias[annotation]

    def later(value: Any) -> Any:
        converter = alias_converter(annotation, find)
        return value if converter is None else converter(value)

    with _making:
        if annotation in _assumed:
            return _assumed[annotation]
        if _has_no_end(annotation):
            return later
        if _open:
            return later if _read(annotation, later, find) is not None else None
        if annotation not in _of_alias:  # another thread may have been faster
            _of_alias[annotation] = _settled(annotation, later, find)
        return _of_alias[annotation]


def _settled(annotation: Any, later: Converter, find: Find) -> Converter | None:
    """The converter of an alias in which others are found.

    At first all of them count as plain. What is found to be rich is so whatever the others are, and
    those that hold it are then rich too: so all is read again until nothing more is found.
    """
    rich = 0
    try:
        while True:
            converter = _read(annotation, later, find)
            plain = [each for each, made in _assumed.items() if made is None]
            if len(_assumed) - len(plain) == rich:
                return converter
            rich = len(_assumed) - len(plain)
            for each in plain:
                del _assumed[each]
    finally:
        _assumed.clear()


def _read(annotation: Any, later: Converter, find: Find) -> Converter | None:
    """Read what an alias means, and note whether it is rich."""
    _assumed.setdefault(annotation, None)
    _open.append(annotation)
    try:
        converter = find(meaning(annotation))
    finally:
        _open.pop()
    if converter is not None:
        _assumed[annotation] = later
    return converter


def _has_no_end(annotation: Any) -> bool:
    """Whether an alias is in itself with other arguments, as `Deeper[list[T]]` in `Deeper[T]`."""
    origin = typing.get_origin(annotation)
    return origin is not None and any(
        origin is typing.get_origin(each) and not _is_argument(annotation, each) for each in _open
    )


def class_converter(annotation: Any, kind: type, find: Find) -> Converter | None:
    """The converter of a class; None where values stay as they are.

    Args:
        annotation: The class, or a generic one with its arguments, which can be hashed.
        kind: The class.
        find: Finds the converters of its members.
    """
    if annotation in _of_class:
        return _of_class[annotation]

    def later(value: Any) -> Any:
        converter = class_converter(annotation, kind, find)
        return value if converter is None else converter(value)

    with _making:
        if _holds_itself(annotation, kind):
            return later
        if annotation not in _of_class:  # another thread may have been faster
            _unfinished.append((annotation, kind))
            try:
                converter = scalar(kind) or record(annotation, kind, find)
            finally:
                _unfinished.pop()
            if _open:
                return converter
            _of_class[annotation] = converter
        return _of_class[annotation]


def _holds_itself(annotation: Any, kind: type) -> bool:
    """Whether a class is found in one of its own members: that is read with the first value.

    Its arguments may be others there, as those of `Tree[list[T]]` in `Tree[T]`, without an end.
    In `Page[Page[Item]]` the inner one is an argument, and so has an end.
    """
    return any(
        kind is outer and not _is_argument(annotation, whole) for whole, outer in _unfinished
    )


def _is_argument(annotation: Any, whole: Any) -> bool:
    return any(
        annotation == each or _is_argument(annotation, each) for each in typing.get_args(whole)
    )
