"""Whether code that may only read a workflow has changed its state."""

import pickle
from typing import Any, Final

# Comparing the state before and after a handler serialises all of it.
_LARGEST_COMPARED_BYTES: Final = 1 << 20


def state_mark(instance: Any, size_bytes: int) -> object:
    """A mark that differs when the state of a workflow differs; None if the state is too large.

    Args:
        instance: The workflow.
        size_bytes: Its size, roughly.
    """
    if size_bytes > _LARGEST_COMPARED_BYTES:
        return None
    state: dict[str, Any] = getattr(instance, "__dict__", {})
    try:
        return pickle.dumps(state)
    except Exception:  # noqa: BLE001 - users' objects raise what they like
        # One lock or lambda among the attributes must not hide the others.
        return {name: _mark_of(value) for name, value in state.items()}


def _mark_of(value: Any) -> object:
    try:
        return pickle.dumps(value)
    except Exception:  # noqa: BLE001 - users' objects raise what they like
        return id(value)
