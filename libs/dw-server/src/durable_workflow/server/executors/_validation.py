"""Whether a configuration, its overlay applied, can be used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from durable_workflow._wire.json_values import dict_or_none, list_or_none
from durable_workflow.server.executors import _problems as problems
from durable_workflow.server.executors import _targets as targets
from durable_workflow.server.executors._problems import Problem

ACTIVITY: Final = "activity"
ACTIVITY_TASK: Final = "activity_task"
# What a mapping of each kind must say besides its handler.
_TARGETS: Final[dict[str, tuple[str, ...]]] = {
    ACTIVITY: ("activity_type",),
    "workflow_start": ("workflow_type",),
    "workflow_signal": ("workflow_type", "signal_name"),
    "workflow_update": ("workflow_type", "update_name"),
    "webhook_ingress": ("idempotency_key",),
}


def is_name(value: Any) -> bool:
    """Whether a value is a text that says something."""
    return isinstance(value, str) and bool(value.strip())


def check(document: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield everything that is wrong with a configuration."""
    sections = _Sections(document)
    yield from sections.problems
    yield from _unknown_auth_ref("the defaults", sections.defaults, {}, sections)
    for called, carrier in sections.carriers.items():
        yield from _wrong_with_carrier(called, carrier, sections)
    taken: set[str] = set()
    for index, mapping in sections.mappings:
        name = mapping.get("name")
        if not isinstance(name, str) or not is_name(name):
            text = f"mappings[{index}] has no name"
            yield Problem(problems.INVALID_SCHEMA, text, {"mapping_index": index})
            continue
        if name in taken:
            text = f"more than one mapping is called {name!r}"
            yield Problem(problems.DUPLICATE_MAPPING_NAME, text, {"mapping": name})
        taken.add(name)
        yield from _wrong_with_mapping(name, mapping, sections)


class _Sections:
    """The sections of a document that are what they must be, and what is wrong with the others."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.problems: list[Problem] = []
        self.defaults = dict_or_none(document.get("defaults", {})) or {}
        if dict_or_none(document.get("defaults", {})) is None:
            self._refuse("defaults must be an object")
        self.auth_refs = self._objects(document, "auth_refs", needed=False)
        self.carriers = self._objects(document, "carriers", needed=True)
        self.mappings = self._mappings(document)

    def _objects(
        self, document: Mapping[str, Any], section: str, *, needed: bool
    ) -> dict[str, dict[str, Any]]:
        members = dict_or_none(document.get(section, {}))
        if members is None or (needed and not members):
            self._refuse(f"{section} must be an object{' with members' if needed else ''}")
            return {}
        read: dict[str, dict[str, Any]] = {}
        for name, member in members.items():
            entry = dict_or_none(member)
            if entry is None:
                self._refuse(f"{section}.{name} must be an object")
            else:
                read[name] = entry
        return read

    def _mappings(self, document: Mapping[str, Any]) -> list[tuple[int, dict[str, Any]]]:
        items = list_or_none(document.get("mappings"))
        if not items:
            self._refuse("mappings must be a list with members")
            return []
        read: list[tuple[int, dict[str, Any]]] = []
        for index, item in enumerate(items):
            entry = dict_or_none(item)
            if entry is None:
                self._refuse(f"mappings[{index}] must be an object")
            else:
                read.append((index, entry))
        return read

    def _refuse(self, message: str) -> None:
        section = message.partition(" ")[0]
        self.problems.append(Problem(problems.INVALID_SCHEMA, message, {"at": section}))


def _wrong_with_carrier(
    name: str, carrier: Mapping[str, Any], sections: _Sections
) -> Iterator[Problem]:
    where = {"carrier": name}
    if not is_name(carrier.get("type")):
        yield Problem(problems.INVALID_SCHEMA, f"the carrier {name!r} has no type", where)
    capabilities = list_or_none(carrier.get("capabilities", []))
    if capabilities is None or not all(isinstance(each, str) for each in capabilities):
        text = f"the capabilities of the carrier {name!r} must be a list of words"
        yield Problem(problems.INVALID_SCHEMA, text, where)
        capabilities = None
    yield from _unknown_auth_ref(f"the carrier {name!r}", carrier, where, sections)
    if carrier.get("type") != targets.INVOCABLE_HTTP:
        return
    for field, wanted in targets.wrong_with(carrier):
        text = f"the {field} of the carrier {name!r} {wanted}"
        yield Problem(problems.INVALID_CARRIER_TARGET, text, where | {"field": field})
    if set(capabilities or ()) - {ACTIVITY_TASK}:
        text = f"the carrier {name!r} is invocable: it can do {ACTIVITY_TASK} only"
        yield Problem(problems.INVALID_INVOCABLE_CARRIER_SCOPE, text, where)


def _wrong_with_mapping(
    name: str, mapping: Mapping[str, Any], sections: _Sections
) -> Iterator[Problem]:
    where = {"mapping": name}
    kind = mapping.get("kind")
    if not isinstance(kind, str) or kind not in _TARGETS:
        text = f"the kind of the mapping {name!r} must be one of {', '.join(_TARGETS)}"
        yield Problem(problems.INVALID_SCHEMA, text, where)
        return
    missing = [field for field in ("handler", *_TARGETS[kind]) if not is_name(mapping.get(field))]
    if missing:
        text = f"the mapping {name!r} has no {' and no '.join(missing)}"
        yield Problem(problems.MISSING_HANDLER_TARGET, text, where | {"missing": missing})
    if kind == ACTIVITY and not is_name(task_queue_of(mapping, sections.defaults)):
        text = f"neither the mapping {name!r} nor the defaults have a task queue"
        yield Problem(problems.INVALID_QUEUE_BINDING, text, where)
    yield from _unknown_auth_ref(f"the mapping {name!r}", mapping, where, sections)
    chosen = mapping.get("carrier")
    carrier = sections.carriers.get(chosen) if isinstance(chosen, str) else None
    if carrier is None:
        text = f"the mapping {name!r} names no carrier that there is"
        yield Problem(problems.UNKNOWN_CARRIER, text, where | {"carrier": _name_or_none(chosen)})
    else:
        yield from _unfit_carrier(name, kind, mapping, carrier, sections)


def _unfit_carrier(
    name: str,
    kind: str,
    mapping: Mapping[str, Any],
    carrier: Mapping[str, Any],
    sections: _Sections,
) -> Iterator[Problem]:
    where = {"mapping": name, "carrier": mapping["carrier"]}
    is_invocable = carrier.get("type") == targets.INVOCABLE_HTTP
    usual = [ACTIVITY_TASK] if is_invocable else None
    capabilities = list_or_none(carrier.get("capabilities", usual))
    needed = ACTIVITY_TASK if kind == ACTIVITY else kind
    if capabilities is not None and needed not in capabilities:
        text = f"the carrier of the mapping {name!r} has not the capability {needed}"
        yield Problem(problems.UNSUPPORTED_CARRIER_CAPABILITY, text, where | {"capability": needed})
    if (
        is_invocable
        and auth_ref_of(mapping, carrier, sections.defaults) is None
        and not targets.is_on_this_machine(carrier)
    ):
        text = f"the mapping {name!r} has no auth_ref, and its carrier is on another machine"
        yield Problem(problems.MISSING_INVOCABLE_AUTH_REF, text, where)


def _unknown_auth_ref(
    whose: str, entry: Mapping[str, Any], where: dict[str, Any], sections: _Sections
) -> Iterator[Problem]:
    chosen = entry.get("auth_ref")
    if chosen is not None and not (isinstance(chosen, str) and chosen in sections.auth_refs):
        text = f"the auth_ref of {whose} is none of the auth_refs"
        context = where | {"auth_ref": _name_or_none(chosen)}
        yield Problem(problems.UNKNOWN_AUTH_REF, text, context)


def task_queue_of(mapping: Mapping[str, Any], defaults: Mapping[str, Any]) -> Any:
    """The task queue of a mapping: its own, or the default."""
    own = mapping.get("task_queue")
    return defaults.get("task_queue") if own is None else own


def auth_ref_of(
    mapping: Mapping[str, Any], carrier: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Any:
    """What a mapping's carrier is called with: as the mapping says, its carrier, or the default."""
    for entry in (mapping, carrier, defaults):
        if entry.get("auth_ref") is not None:
            return entry["auth_ref"]
    return None


def _name_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
