"""The root of the hierarchy, and how every error of it is copied and pickled."""

from typing import Any


class DurableWorkflowError(Exception):
    """Root of every error that this project raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own way calls the class with `args`, which here is the finished message and
        # not what most constructors take. So the object is rebuilt around its state instead.
        return _rebuild, (type(self), self.args), self.__dict__ or None


def _rebuild(
    error_class: type[DurableWorkflowError], args: tuple[object, ...]
) -> DurableWorkflowError:
    """Make an error with the given `args` without calling its constructor."""
    return error_class.__new__(error_class, *args)


class AvroNotInstalledError(DurableWorkflowError, ImportError):
    """The Avro runtime is missing: the installation is broken, for it is a dependency."""

    def __reduce__(self) -> tuple[Any, ...]:
        # ImportError keeps its text in a slot that only its constructor fills.
        return type(self), self.args, self.__dict__ or None


class ClientClosed(DurableWorkflowError, RuntimeError):
    """The client was closed: before this call, or while it waited for its response.

    What a call had asked for that was under way, the server may have done.
    """

    def __init__(self, message: str = "this client is closed") -> None:
        super().__init__(message)
