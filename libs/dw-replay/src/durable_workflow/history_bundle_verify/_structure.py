"""The form of a bundle: its sections, and that what they say of each other is so."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeGuard

from durable_workflow._wire.events import nested, text
from durable_workflow._wire.json_values import is_list, is_object
from durable_workflow.history_bundle_verify._findings import Findings

BUNDLE_SCHEMA: Final = "durable-workflow.v2.history-export"
BUNDLE_SCHEMA_VERSION: Final = 1
# The second one only adds members.
SUPPORTED_BUNDLE_SCHEMA_VERSIONS: Final = (1, 2)

_OBJECTS: Final = (
    "workflow",
    "payloads",
    "links",
    "redaction",
    "codec_schemas",
    "payload_manifest",
)
_LISTS: Final = (
    "history_events",
    "commands",
    "signals",
    "updates",
    "tasks",
    "activities",
    "timers",
    "failures",
)
_SETTLED: Final = frozenset({"applied", "rejected"})


def check_structure(bundle: Mapping[str, Any], findings: Findings) -> None:
    """Look at everything but the integrity of a bundle."""
    _check_header(bundle, findings)
    _check_sections(bundle, findings)
    highest = _check_events(bundle, findings)
    _check_workflow(bundle, highest, findings)
    _check_commands(bundle, findings)
    _check_manifest(bundle, findings)
    redaction = nested(bundle, "redaction")
    if redaction.get("applied") is True and not redaction.get("paths"):
        findings.add(
            "redaction.empty_paths",
            "the bundle says that it was redacted, and not where",
            path="redaction.paths",
        )


def _check_header(bundle: Mapping[str, Any], findings: Findings) -> None:
    schema, version = bundle.get("schema"), bundle.get("schema_version")
    if schema is None:
        findings.add("bundle.schema_missing", "the bundle names no schema", path="schema")
    elif schema != BUNDLE_SCHEMA:
        findings.add(
            "bundle.schema_unexpected",
            f"the bundle's schema is {schema!r}, not {BUNDLE_SCHEMA!r}",
            path="schema",
            found=schema,
        )
    if version is None:
        findings.add(
            "bundle.schema_version_missing",
            "the bundle names no schema version",
            path="schema_version",
        )
    elif isinstance(version, bool) or version not in SUPPORTED_BUNDLE_SCHEMA_VERSIONS:
        findings.add(
            "bundle.schema_version_unsupported",
            f"the bundle's schema version is {version!r}; this verifier knows "
            f"{', '.join(map(str, SUPPORTED_BUNDLE_SCHEMA_VERSIONS))}",
            path="schema_version",
            found=version,
        )
    if text(bundle, "exported_at") is None:
        findings.add(
            "bundle.exported_at_missing",
            "the bundle does not say when it was exported",
            path="exported_at",
        )


def _check_sections(bundle: Mapping[str, Any], findings: Findings) -> None:
    for names, fits, kind in ((_OBJECTS, is_object, "an object"), (_LISTS, is_list, "an array")):
        for name in names:
            if name not in bundle:
                findings.add(
                    "bundle.section_missing", f"the bundle has no section {name!r}", path=name
                )
            elif not fits(bundle[name]):
                found = type(bundle[name]).__name__
                findings.add(
                    "bundle.section_invalid",
                    f"the section {name!r} must be {kind}, not {found}",
                    path=name,
                    found=found,
                )


def _check_workflow(bundle: Mapping[str, Any], highest: int | None, findings: Findings) -> None:
    workflow = nested(bundle, "workflow")
    for member in ("run_id", "instance_id", "workflow_type"):
        if text(workflow, member) is None:
            findings.add(
                f"workflow.{member}_missing",
                f"workflow.{member} must be a text that is not empty",
                path=f"workflow.{member}",
            )
    declared = workflow.get("last_history_sequence")
    if highest is not None and _is_int(declared) and declared < highest:
        findings.add(
            "workflow.last_history_sequence_stale",
            f"workflow.last_history_sequence is {declared}, and the history goes to {highest}",
            path="workflow.last_history_sequence",
            declared=declared,
            highest=highest,
        )


def _check_events(bundle: Mapping[str, Any], findings: Findings) -> int | None:
    """Check the events; the highest sequence among them."""
    highest: int | None = None
    previous: int | None = None
    ids: set[str] = set()
    for path, event in _entries(bundle, "history_events"):
        if not is_object(event):
            findings.add(
                "history_events.entry_invalid",
                f"an event must be an object, not {type(event).__name__}",
                path=path,
            )
            continue
        sequence = event.get("sequence")
        if not _is_int(sequence):
            findings.add(
                "history_events.sequence_missing",
                f"the event's sequence must be a whole number, not {sequence!r}",
                path=f"{path}.sequence",
            )
        else:
            if previous is not None and sequence <= previous:
                findings.add(
                    "history_events.sequence_not_monotonic",
                    f"the event has sequence {sequence} after {previous}",
                    path=f"{path}.sequence",
                    sequence=sequence,
                    previous=previous,
                )
            previous = sequence
            highest = sequence if highest is None else max(highest, sequence)
        _check_event_names(path, event, ids, findings)
    return highest


def _check_event_names(
    path: str, event: Mapping[str, Any], ids: set[str], findings: Findings
) -> None:
    if text(event, "type") is None:
        findings.add("history_events.type_missing", "the event has no type", path=f"{path}.type")
    event_id = text(event, "id")
    if event_id is not None:
        if event_id in ids:
            findings.add(
                "history_events.id_duplicate",
                f"the id {event_id!r} stands on an earlier event too",
                path=f"{path}.id",
                id=event_id,
            )
        ids.add(event_id)


def _check_commands(bundle: Mapping[str, Any], findings: Findings) -> None:
    referenced = {
        text(event, "workflow_command_id") or text(nested(event, "payload"), "workflow_command_id")
        for _, event in _entries(bundle, "history_events")
        if is_object(event)
    }
    for path, command in _entries(bundle, "commands"):
        command_id = text(command, "id") if is_object(command) else None
        if command_id is None:
            findings.add("commands.id_missing", "the command has no id", path=f"{path}.id")
        elif _is_settled(command) and command_id not in referenced:
            findings.add(
                "commands.history_event_missing",
                f"the command {command_id!r} was settled, and no event names it as its "
                "workflow_command_id",
                path=path,
                id=command_id,
            )


def _is_settled(command: Mapping[str, Any]) -> bool:
    states = {text(command, "status"), text(command, "outcome")}
    return bool(states & _SETTLED) or text(command, "applied_at", "rejected_at") is not None


def _check_manifest(bundle: Mapping[str, Any], findings: Findings) -> None:
    for path, entry in _entries(nested(bundle, "payload_manifest"), "entries"):
        place = f"payload_manifest.{path}"
        codec = text(entry, "codec") if is_object(entry) else None
        if not is_object(entry) or codec is None:
            findings.add(
                "payload_manifest.codec_missing", "the payload has no codec", path=f"{place}.codec"
            )
            continue
        available = entry.get("available") is True
        payload = text(entry, "path")
        missing = text(entry, "diagnostic") == "payload_missing"
        if available and entry.get("redacted") is not True and missing:
            findings.add(
                "payload_manifest.payload_missing",
                f"the payload {payload!r} is said to be available, and is not there",
                path=place,
                payload=payload,
            )
        if codec == "avro" and available:
            _check_avro(place, entry, findings)


def _check_avro(place: str, entry: Mapping[str, Any], findings: Findings) -> None:
    if text(entry, "avro_framing") is None:
        findings.add(
            "payload_manifest.avro_framing_missing",
            "an Avro payload without word of how it is framed",
            path=f"{place}.avro_framing",
        )
    schema, declared = text(entry, "writer_schema"), text(entry, "writer_schema_fingerprint")
    if schema is not None and declared is not None:
        fingerprint = f"sha256:{hashlib.sha256(schema.encode(errors='replace')).hexdigest()}"
        if fingerprint != declared:
            findings.add(
                "payload_manifest.writer_schema_fingerprint_mismatch",
                "the fingerprint is not that of the writer schema",
                path=f"{place}.writer_schema_fingerprint",
                declared=declared,
                recomputed=fingerprint,
            )


def _entries(section: Mapping[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    found = section.get(name)
    for number, entry in enumerate(found if is_list(found) else []):
        yield f"{name}.{number}", entry


def _is_int(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
