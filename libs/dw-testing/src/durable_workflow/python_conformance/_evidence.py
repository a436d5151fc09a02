"""Reading evidence and results, in whichever of the known spellings they come."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from durable_workflow._wire.json_values import JsonObject, is_list, is_object
from durable_workflow.python_conformance import _tables as tables

PASS = "pass"
NOT_COVERED = "not_covered"


def member(document: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The first of these members that a document has, None for none."""
    return next((document[name] for name in names if document.get(name) is not None), None)


def texts(document: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    """A member that maps ids to texts; what is no text is left out."""
    found = member(document, names)
    if not is_object(found):
        return {}
    return {key: value.strip() for key, value in found.items() if isinstance(value, str)}


def entries(
    document: Mapping[str, Any],
    names: Sequence[str],
    ids: Iterable[str],
    aliases: Mapping[str, Sequence[str]],
) -> dict[str, JsonObject]:
    """The entry of each id, under its own name or an alias, as an object with a `status`.

    An entry may be an object, a status alone, or true and false. What has none is not covered.
    """
    found = _by_id(member(document, names))
    result: dict[str, JsonObject] = {}
    for each in ids:
        spellings = (each, *aliases.get(each, ()))
        raw = next((found[name] for name in spellings if name in found), None)
        result[each] = _entry(raw)
    return result


def has_evidence(entry: Mapping[str, Any], name: str) -> bool:
    """Whether an entry has a piece of evidence, beside its status or under `evidence`."""
    inner = entry.get("evidence")
    places = [entry, inner] if is_object(inner) else [entry]
    return any(place.get(name) not in (None, "", [], {}, False) for place in places)


def is_resolved(version: str) -> bool:
    """Whether a version is one, and no word that stands for one."""
    return version.lower() not in tables.PLACEHOLDER_VERSION_TOKENS


def _by_id(found: Any) -> dict[str, Any]:
    if is_object(found):
        return dict(found)
    if not is_list(found):
        return {}
    keys = ("id", "scenario", "capability", "name")
    rows = [each for each in found if is_object(each)]
    return {str(member(row, keys)): row for row in rows if member(row, keys) is not None}


def _entry(raw: Any) -> JsonObject:
    if isinstance(raw, bool):
        return {"status": PASS if raw else "fail"}
    if isinstance(raw, str):
        return {"status": raw.strip().lower()}
    if is_object(raw):
        entry = dict(raw)
        status = member(entry, tables.DECLARED_OUTCOME_FIELDS)
        return entry | {"status": _entry(status)["status"]}
    return {"status": NOT_COVERED}
