"""A worker that has nothing: it is offered everything, and can only say that it knows none."""

from collections.abc import Callable
from typing import Any

WORKFLOWS: list[type] = []
ACTIVITIES: list[Callable[..., Any]] = []
