"""The errors of arguments that are refused before anything is sent."""

from typing import Final

from durable_workflow.errors._answers import InvalidArgument
from durable_workflow.errors._root import DurableWorkflowError


class UnsendableArgument(InvalidArgument, ValueError):
    """A value that no request can carry: a blank id, one too long for a URL, text that is no UTF-8.

    An `InvalidArgument`, as the answer of a server that was sent it would be. Nothing was sent: the
    attribute `status` is None.

    Attributes:
        errors: Name of the argument to the list of its one message.
    """

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name} {problem}")
        self.errors = {name: [f"The {name} argument {problem}."]}


class ArgumentMismatch(DurableWorkflowError, TypeError):
    """An argument does not fit the annotation of its parameter.

    The text names the place and the type, never the value: it goes to logs and histories.

    Attributes:
        path: Where the value stands, as in `order.items[3].due`.
        problem: What is wrong with it.
        non_retryable: True: the next attempt of an activity would get the same value.
    """

    non_retryable: Final = True

    def __init__(self, problem: str, path: str = "") -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path
        self.problem = problem

    def within(self, step: str) -> "ArgumentMismatch":
        """Return the same error, as seen from the container of the value.

        Args:
            step: How the container names the value: `due`, or `[3]`.
        """
        joint = "" if not self.path or self.path.startswith("[") else "."
        return ArgumentMismatch(self.problem, f"{step}{joint}{self.path}")
