"""What a workflow type is called, and a hash that changes when its definition does.

The server refuses to let a live worker change a definition under running executions, and compares
these hashes for it. The hash must be the same in every process that loads the same source.
"""

import hashlib
import inspect
import threading
import weakref
from types import CodeType
from typing import Any, cast

_SCHEME = "durable-workflow-python.workflow-definition.v1"
_RECEIVER_TABLES = (
    "__workflow_signals__",
    "__workflow_queries__",
    "__workflow_updates__",
    "__workflow_update_validators__",
)

# (worker id, workflow type) -> fingerprint, for the whole process.
_definitions: dict[tuple[str, str], str] = {}
_definitions_lock = threading.Lock()
# To find a class in its file Python parses all of the file: some 15 ms for each class.
_sources: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary()


def workflow_name(cls: type) -> str:
    """Type name of a workflow class: what `workflow.defn` gave it, else its Python name."""
    return str(getattr(cls, "__workflow_name__", None) or cls.__name__)


def activity_name(function: Any) -> str:
    """Name of an activity: what `activity.defn` gave it, else its Python name."""
    name = getattr(function, "__activity_name__", None) or getattr(function, "__name__", None)
    return str(name or type(function).__name__)


def fingerprint(cls: type, name: str) -> str:
    """Hash of a workflow definition.

    Args:
        cls: The workflow class.
        name: The type name it is registered under.

    Returns:
        `sha256:` and 64 hex digits.
    """
    digest = hashlib.sha256()
    for part in (_SCHEME, f"{cls.__module__}.{cls.__qualname__}", name):
        digest.update(part.encode() + b"\0")
    for table in _RECEIVER_TABLES:
        receivers: dict[str, Any] = getattr(cls, table, None) or {}
        digest.update(table.encode())
        digest.update(repr(sorted(receivers.items())).encode())
    for part in _source(cls):
        digest.update(part.encode())
    return f"sha256:{digest.hexdigest()}"


def guard_definition(worker_id: str, name: str, value: str) -> None:
    """Remember that this worker id runs this definition, and refuse another one.

    Raises:
        RuntimeError: The same worker id was given another definition of the type before.
    """
    with _definitions_lock:
        known = _definitions.setdefault((worker_id, name), value)
    if known != value:
        raise RuntimeError(
            f"Workflow definition changed for type {name!r} on worker {worker_id!r}: it was "
            f"{known} and is now {value}. Restart the process, or give the worker another id."
        )


def _source(cls: type) -> list[str]:
    known = _sources.get(cls)
    if known is not None:
        return [known]
    try:
        text = _sources[cls] = inspect.getsource(cls)
        return [text]
    except (OSError, TypeError):  # made at a prompt, by exec, or from a frozen archive
        parts: list[str] = []
        for attribute, value in sorted(vars(cls).items()):
            if not (attribute.startswith("__") and attribute.endswith("__")):
                parts += [attribute, _describe(value)]
        return parts


def _describe(value: Any) -> str:
    function: Any = getattr(value, "__func__", value)  # of a static or class method
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):
        return _stable_repr(function)
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return repr(_describe_code(code))


def _describe_code(code: CodeType) -> tuple[object, ...]:
    # A nested function is a constant whose repr holds an address, and a set literal is one whose
    # order changes with the hash seed: both would differ after a restart of the same code.
    return (
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_code,
        tuple(
            _describe_code(const)
            if isinstance(const, CodeType)
            else sorted(map(repr, cast("frozenset[object]", const)))
            if isinstance(const, frozenset)
            else const
            for const in code.co_consts
        ),
        code.co_names,
        code.co_varnames,
    )


def _stable_repr(value: object) -> str:
    # The default repr contains an address, so only the type of such a value is stable.
    if type(value).__repr__ is object.__repr__:
        return f"<{type(value).__module__}.{type(value).__qualname__}>"
    return repr(value)
