"""Other wheels of ours, which this one does not require."""

from importlib import import_module
from typing import Any


def wheel(module: str, distribution: str, what: str) -> Any:
    """Import a module of another wheel.

    Args:
        module: The module, below `durable_workflow`.
        distribution: The wheel that brings it.
        what: What needs it.
    Raises:
        ImportError: The wheel is not installed; the text has the install line.
    """
    name = f"durable_workflow.{module}"
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ImportError(
            f"{what} needs another wheel: pip install {distribution}", name=name
        ) from error
