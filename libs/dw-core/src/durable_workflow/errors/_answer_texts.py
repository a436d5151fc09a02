"""What errors say of an answer: status, reason, message and one hint, not the whole document."""

from typing import Any, Final, cast

_MOST_SHOWN: Final = 200
_MOST_FIELDS: Final = 3

# What helps in most cases; a server that says more itself sends a `remediation`.
_HINTS: Final = {
    401: "Check token, control_token or worker_token of the client.",
    403: "The token is valid, but its role may not do this.",
    413: "Large payloads belong into external storage.",
    429: "Try again later.",
    503: "Try again later.",
}
_NOT_A_SERVER: Final = "Is base_url the address of a Durable Workflow server?"


def member(body: object, key: str) -> Any:
    """Value of `key` in a body that is an object, else None."""
    return cast("dict[str, Any]", body).get(key) if isinstance(body, dict) else None


def text_of(body: object, key: str) -> str:
    """A string member of the body, else an empty string."""
    value = member(body, key)
    return value if isinstance(value, str) else ""


def message_of(body: object) -> str:
    """What the server says in words, else an empty string."""
    return text_of(body, "message") or text_of(body, "error")


def summary(status: int, body: object) -> str:
    """Status, reason, message and hint in one line; the beginning of a body that has no message."""
    reason = text_of(body, "reason")
    message = message_of(body)
    if not message:
        said = f"{status} {reason}" if reason else f"{status}: {in_short(body)}"
        return _with_hint(said, status, body)
    said = f"{status} {reason}" if reason and reason not in message else str(status)
    return f"{said}: {_with_hint(cut(message), status, body)}"


def explained(message: str, status: int, body: object) -> str:
    """A message with the one hint that goes with it, and the reason where it is not in it."""
    reason = text_of(body, "reason")
    named = f" ({reason})" if reason and reason not in message else ""
    return _with_hint(f"{cut(message)}{named}", status, body)


def with_fields(message: str, errors: dict[str, Any] | None) -> str:
    """A message, and what is wrong with which field where the message does not say so."""
    found = [
        f"{field}: {texts[0] if isinstance(texts, list) and texts else texts}"
        for field, texts in list((errors or {}).items())[:_MOST_FIELDS]
    ]
    missing = [line for line in found if line.partition(": ")[2] not in message]
    return f"{message} ({cut('; '.join(missing))})" if missing else message


def with_failure(message: str, body: object) -> str:
    """A message, and why the handler of an update failed where the message does not say so."""
    failure = text_of(body, "failure_message")
    if not failure or failure in message:
        return message
    return f"{message}: {cut(failure)}" if message else cut(failure)


def in_short(body: object) -> str:
    """The beginning of a body, as code would write it."""
    if isinstance(body, str):
        return repr(cut(body))
    return cut(repr(body))


def cut(text: str) -> str:
    """The beginning of a text."""
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _with_hint(text: str, status: int, body: object) -> str:
    hint = text_of(body, "remediation") or _HINTS.get(status, "")
    if status == 404 and isinstance(body, str):
        hint = _NOT_A_SERVER
    if not hint or hint in text:
        return text
    end = "" if not text or text.endswith((".", "!", "?")) else "."
    return f"{text}{end} {hint}"
