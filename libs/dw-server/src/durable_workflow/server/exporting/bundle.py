"""A bundle that is ready to be sent: its lists are in files, and it is hashed while it is sent."""

from __future__ import annotations

import hashlib
import hmac
import itertools
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from durable_workflow.server.engine.times import precise
from durable_workflow.server.exporting import redaction, summary
from durable_workflow.server.exporting.canonical import CANONICALIZATION, canonical
from durable_workflow.server.exporting.lists import Lists
from durable_workflow.server.exporting.payloads import CODEC_SCHEMAS, PayloadNote
from durable_workflow.server.exporting.redaction import Redaction
from durable_workflow.server.exporting.sections import PART_BYTES, Section
from durable_workflow.server.exporting.summary import Subject

SCHEMA: Final = "durable-workflow.v2.history-export"
SCHEMA_VERSION: Final = 1


class Signing(msgspec.Struct, frozen=True):
    """What bundles are signed with.

    Attributes:
        key: None signs nothing.
        key_id: Tells receivers which key it is.
    """

    key: str | None = None
    key_id: str | None = None

    def __repr__(self) -> str:
        return f"Signing(key={'redacted' if self.key else None}, key_id={self.key_id!r})"


class Bundle:
    """One export. `close` deletes its files."""

    def __init__(
        self, subject: Subject, lists: Lists, redacts: Redaction, signing: Signing
    ) -> None:
        self._subject = subject
        self._lists = lists
        self._redaction = redacts
        self._signing = signing

    def close(self) -> None:
        """Delete the files."""
        self._lists.close()

    def parts(self) -> Iterator[bytes]:
        """The JSON of the bundle, in parts of some tens of kilobytes.

        Its members are those of the canonical text, in that order, and `integrity` at the end.
        """
        checksum = hashlib.sha256()
        key = self._signing.key
        signature = None if key is None else hmac.new(key.encode(), digestmod=hashlib.sha256)
        part = bytearray()
        for text in self._canonical():
            checksum.update(text)
            if signature is not None:
                signature.update(text)
            part += text
            if len(part) >= PART_BYTES:
                # The closing brace stays back: `integrity` goes before it.
                yield bytes(part[:-1])
                del part[:-1]
        integrity = {
            "canonicalization": CANONICALIZATION,
            "checksum_algorithm": "sha256",
            "checksum": checksum.hexdigest(),
            "signature_algorithm": None if signature is None else "hmac-sha256",
            "signature": None if signature is None else signature.hexdigest(),
            "key_id": None if signature is None else self._signing.key_id,
        }
        yield bytes(part[:-1]) + b',"integrity":' + canonical(integrity) + b"}"

    def _canonical(self) -> Iterator[bytes]:
        members = self._members()
        # The lists were written before, so what is redacted is known once these are, too.
        paths = [path for section in self._lists.all() for path in section.redacted()]
        texts: dict[str, bytes] = {}
        for name, member in members.items():
            if not isinstance(member, Section):
                texts[name], redacted = self._redaction.apply(canonical(member))
                paths += [f"{name}{path}" for path in redacted]
        texts["redaction"] = canonical(redaction.shown(paths))
        separator = b"{"
        for name in sorted([*members, "redaction", "links", "payload_manifest"]):
            yield separator + canonical(name) + b":"
            separator = b","
            member = members.get(name)
            if name == "links":
                yield from self._links()
            elif name == "payload_manifest":
                yield from self._manifest()
            elif isinstance(member, Section):
                yield from member.parts()
            else:
                yield texts[name]
        yield b"}"

    def _members(self) -> dict[str, Any]:
        subject, lists = self._subject, self._lists
        run = subject.run
        shown, *_ = summary.payloads(subject)
        return {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "exported_at": precise(subject.now),
            "dedupe_key": f"{run.run_id}:{run.last_sequence}:{subject.progress_at}",
            "history_complete": run.closed,
            "workflow": summary.workflow(subject),
            "payloads": shown,
            "summary": summary.summary(subject, exceptions=len(lists.failures)),
            "selected_run": summary.selected_run(),
            "history_events": lists.history_events,
            "waits": lists.waits,
            "timeline": lists.timeline,
            "linked_intakes_scope": "selected_run",
            "linked_intakes": [],
            "commands": lists.commands,
            "signals": lists.signals,
            "updates": lists.updates,
            "tasks": lists.tasks,
            "activities": lists.activities,
            "timers": lists.timers,
            "failures": lists.failures,
            "codec_schemas": CODEC_SCHEMAS if self._has_avro() else {},
        }

    def _has_avro(self) -> bool:
        _, *notes = summary.payloads(self._subject)
        return any(note.is_avro for _, note in itertools.chain(_named(notes), self._notes()))

    def _links(self) -> Iterator[bytes]:
        yield b'{"children":'
        yield from self._lists.children.parts()
        rest = {"parents": self._subject.parents, "projection_source": "history_events"}
        yield b"," + canonical(rest)[1:]

    def _manifest(self) -> Iterator[bytes]:
        _, *notes = summary.payloads(self._subject)
        yield b'{"entries":['
        separator = b""
        for path, note in itertools.chain(_named(notes), self._notes()):
            yield separator + canonical(note.entry(path))
            separator = b","
        yield b'],"version":1}'

    def _notes(self) -> Iterator[tuple[str, PayloadNote]]:
        lists = self._lists
        for name, section, members in (
            ("commands", lists.commands, ("payload",)),
            ("signals", lists.signals, ("arguments",)),
            ("updates", lists.updates, ("arguments", "result")),
            ("activities", lists.activities, ("arguments", "result")),
        ):
            for index, notes in enumerate(section.notes()):
                for member, note in zip(members, notes, strict=True):
                    yield f"{name}.{index}.{member}", note


def _named(notes: list[PayloadNote]) -> Iterator[tuple[str, PayloadNote]]:
    return zip(("payloads.arguments.data", "payloads.output.data"), notes, strict=True)
