"""Results as the type that a caller asks for."""

from collections.abc import Callable
from typing import Any

from durable_workflow._conversion.annotations import converter_for
from durable_workflow.errors import ArgumentMismatch


def reading_results(result_type: Any) -> Callable[[Any], Any]:
    """What makes a decoded result a value of a type, by the rule of arguments.

    Args:
        result_type: A type, or an annotation such as `list[Order]`; None leaves results as they
            are, and so does a plain JSON type.

    Returns:
        A function that raises `ArgumentMismatch` where a result does not fit.

    Raises:
        TypeError: It is text: where that was written is not known here.
    """
    if isinstance(result_type, str):
        raise TypeError(f"result_type must be a type, not the text {result_type!r}")
    converter = converter_for(result_type)

    def read(result: Any) -> Any:
        if converter is None:
            return result
        try:
            return converter(result)
        except ArgumentMismatch as error:
            raise error.within("result") from error.__cause__

    return read
