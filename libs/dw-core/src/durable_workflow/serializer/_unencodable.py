"""The error of a payload that cannot be encoded: it names the owner, and the place in the value."""

from typing import Any, Final

from durable_workflow._definitions import argument_names
from durable_workflow._wire.json_faults import NotJson
from durable_workflow.serializer._plain import NoPlainForm
from durable_workflow.serializer._sizes import PayloadWarningContext, labels_of

# Labels that name whose payload it is, and the words for them.
_OWNERS: Final = {
    "activity_name": "activity",
    "signal_name": "signal",
    "update_name": "update",
    "query_name": "query",
    "schedule_id": "schedule",
    "workflow_type": "workflow",
    "workflow_id": "workflow id",
}
# Payloads that are lists of arguments.
_ARGUMENTS: Final = frozenset(
    {
        "activity_input",
        "child_workflow_input",
        "continue_as_new_input",
        "query",
        "schedule_input",
        "signal",
        "update",
        "workflow_input",
    }
)


def unencodable(
    error: NoPlainForm | NotJson, context: PayloadWarningContext
) -> TypeError | ValueError:
    """The error for the caller.

    Args:
        error: What is wrong, and its path within the payload.
        context: Which payload it is.
    """
    # The name of the class travels as the type of a failure, so it is one that people know.
    known = TypeError if isinstance(error, NoPlainForm) else ValueError
    labels = labels_of(context)
    if not labels:
        return known(str(error))
    kind = str(labels.get("kind", "payload"))
    owners = [f"{word} {labels[key]!r}" for key, word in _OWNERS.items() if key in labels]
    whose = f" of {', '.join(owners)}" if owners else ""
    path = _named(error.path, kind, labels)
    named = type(error)(f"{kind.replace('_', ' ')}{whose}: {error.problem}", path)
    return known(str(named))


def _named(path: str, kind: str, labels: dict[str, Any]) -> str:
    """The path from the name of the argument on, or from the payload."""
    if kind not in _ARGUMENTS:
        return ("result" if kind.endswith("_result") else "") + path
    place, closed, rest = path.removeprefix("[").partition("]")
    names = argument_names(kind, labels)
    if closed and place.isdigit() and int(place) < len(names):
        return names[int(place)] + rest
    return "arguments" + path
