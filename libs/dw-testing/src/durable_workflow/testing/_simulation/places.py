"""Saying in an error which line of the workflow's code it is about."""

from collections.abc import Iterable

from durable_workflow._kernel.places import Place


def note_places(error: BaseException, what: str, places: Iterable[Place]) -> None:
    """Add a note with lines of code to an error; none where there are no lines."""
    lines = [f'  File "{place.file}", line {place.line}, in {place.function}' for place in places]
    if lines:
        error.add_note("\n".join([what, *lines]))
