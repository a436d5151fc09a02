"""Accepted updates, which are run on the state that a replay has reached."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from durable_workflow._conversion import Fit
from durable_workflow._kernel.queries import handler_table
from durable_workflow._wire.events import Event, text
from durable_workflow._wire.texts import error_text
from durable_workflow.workflow._commands import CompleteUpdate, FailUpdate


def run_update(
    instance: Any,
    update_id: str,
    accepted: Event | None,
    arguments_of: Callable[[Event, str], list[Any]],
    validating: AbstractContextManager[None],
    fit: Fit,
) -> CompleteUpdate | FailUpdate:
    """Run validator and handler of an accepted update.

    Args:
        instance: The replayed workflow; its state changes.
        update_id: The update.
        accepted: Its last `UpdateAccepted`, or None.
        arguments_of: Decodes the arguments of an update of some name.
        validating: Entered around the validator, if there is one: no replay will run that.
        fit: Makes arguments fit a function.
    """
    if accepted is None:
        message = f"accepted update {update_id!r} was not present in workflow history"
        return FailUpdate(update_id, message, "UpdateNotFound")
    name = text(accepted.payload, "update_name")
    if name is None:
        message = f"accepted update {update_id!r} is missing an update name"
        return FailUpdate(update_id, message, "InvalidUpdate")
    try:
        arguments = arguments_of(accepted, name)
    except Exception as error:  # noqa: BLE001 (an update that fails is an answer)
        return failed_update(update_id, "update argument decode failed", error)
    updates: dict[str, str] = handler_table(instance, "__workflow_updates__")
    if name not in updates:
        return FailUpdate(update_id, f"unknown update {name!r}", "UnknownUpdate")
    if name in _validators_of(instance):
        with validating:
            refusal = _refusal(instance, update_id, name, arguments, fit)
        if refusal is not None:
            return refusal
    return _handle(instance, update_id, name, updates[name], arguments, fit)


def validate_update(instance: Any, name: str, arguments: list[Any], fit: Fit) -> None:
    """Ask whether an update may be accepted; one without a validator may.

    Args:
        instance: The replayed workflow.
        name: The update's name on the wire.
        arguments: Positional arguments.
        fit: Makes them fit the validator.
    Raises:
        Exception: What the validator raised; `ValueError` where it returned False.
    """
    validators = _validators_of(instance)
    if name in validators:
        _ask(getattr(instance, validators[name]), name, arguments, fit)


def _refusal(
    instance: Any, update_id: str, name: str, arguments: list[Any], fit: Fit
) -> FailUpdate | None:
    validator = getattr(instance, _validators_of(instance)[name], None)
    if not callable(validator):
        message = f"update validator {name!r} is not available"
        return FailUpdate(update_id, message, "UnknownUpdateValidator")
    try:
        _ask(validator, name, arguments, fit)
    except Exception as error:  # noqa: BLE001 (an update that fails is an answer)
        return failed_update(update_id, "update validator failed", error)
    return None


def _ask(validator: Callable[..., Any], name: str, arguments: list[Any], fit: Fit) -> None:
    if validator(*fit(validator, arguments)) is False:
        raise ValueError(f"update validator {name!r} returned false")


def _validators_of(instance: Any) -> dict[str, str]:
    return handler_table(instance, "__workflow_update_validators__")


def _handle(
    instance: Any, update_id: str, name: str, attribute: str, arguments: list[Any], fit: Fit
) -> CompleteUpdate | FailUpdate:
    handler = getattr(instance, attribute, None)
    if not callable(handler):
        message = f"update handler {name!r} is not available"
        return FailUpdate(update_id, message, "UnknownUpdate")
    try:
        return CompleteUpdate(update_id, handler(*fit(handler, arguments)))
    except Exception as error:  # noqa: BLE001 (an update that fails is an answer)
        return failed_update(update_id, "update handler failed", error)


def failed_update(update_id: str, what: str, error: Exception) -> FailUpdate:
    """A failure built from an exception, which it names by class."""
    kind = type(error)
    return FailUpdate(
        update_id,
        f"{what}: {error_text(error) or kind.__name__}",
        kind.__name__,
        f"{kind.__module__}.{kind.__qualname__}",
    )
