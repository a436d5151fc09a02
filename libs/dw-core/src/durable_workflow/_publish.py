"""Set `__module__` of public objects to the module that users import them from."""

from collections.abc import Iterable, Mapping
from types import FunctionType


def publish(namespace: Mapping[str, object], names: Iterable[str]) -> None:
    """Set `__module__` of the classes and functions of a package to the package itself.

    Tracebacks, `repr`, pickles and generated documentation then show
    `durable_workflow.errors.ServerError` however the package is cut into files. Constants and
    objects that were re-exported from another package stay as they are.

    Args:
        namespace: The package's `globals()`.
        names: The package's `__all__`.
    """
    package = str(namespace["__name__"])
    for name in names:
        target = namespace.get(name)
        if isinstance(target, type | FunctionType) and target.__module__.startswith(f"{package}._"):
            target.__module__ = package
