"""The signatures of functions, whatever their annotations name."""

import importlib
import inspect
import sys
from collections.abc import Callable
from typing import Any


def signature_of(function: Callable[..., Any], *, follow_wrapped: bool = True) -> inspect.Signature:
    """The signature of what can be called, also where its annotations cannot be evaluated.

    Args:
        function: A function, class, or object that can be called.
        follow_wrapped: Whether a wrapper has the signature of what it wraps.

    Raises:
        TypeError: It cannot be called.
        ValueError: It has no signature, as some callables written in C.
    """
    if sys.version_info >= (3, 14):  # they are evaluated when they are asked for
        library: Any = importlib.import_module("annotationlib")
        return inspect.signature(
            function, follow_wrapped=follow_wrapped, annotation_format=library.Format.FORWARDREF
        )
    return inspect.signature(function, follow_wrapped=follow_wrapped)
