"""Large strings, each kept once for its run, and referred to where they stand.

The arguments of a run are often those of its first step, and what its last step returns is often
its output. Each stands in an event and in a column besides: five times a megabyte for a run of one
step. So JSON texts are kept without their large strings, which stand in a table of their own.

Where one stood, the text has the digest between two control characters, which no JSON text has.
"""

from __future__ import annotations

import hashlib
import zlib
from typing import Any, Final, NamedTuple

from durable_workflow.server.records.columns import dump, value
from durable_workflow.server.records.packing import unpacked
from durable_workflow.server.store.errors import RowMissing
from durable_workflow.server.store.protocol import Read, Tx

# Smaller strings stay where they are: a row and a digest of their own cost more than they do.
LARGE: Final = 16 * 1024
# What stands before a payload in an event is a fraction of this.
_MOST_STRINGS: Final = 128
_DIGEST_BYTES: Final = 16
_MARK: Final = b"\x01"
_MARK_OF_TEXT: Final = _MARK.decode()
# A string that is kept in memory to be known again is no larger than this.
_LARGEST_KNOWN: Final = 4 * 1024 * 1024


class _Known(NamedTuple):
    string: bytes
    digest: bytes


# The string that was met last: the same one is written up to three times in a row, and read in
# between. To compare it takes a twentieth of what its digest does, and to read it half.
_last = _Known(b"", b"")


def cut(tx: Tx, run_id: str, text: bytes) -> bytes:
    """A JSON text of a run as it is kept; its large strings are written.

    A string with escapes that end in a quote stays where it is, and so does all behind it: to find
    its end would take longer than to write it. Payloads in `avro` have none.
    """
    if len(text) < LARGE:
        return text
    parts: list[bytes] = []
    begin = at = 0
    for _ in range(_MOST_STRINGS):
        first = text.find(b'"', at)
        known = _last.string
        if known and text.startswith(known, first):
            # Neither is its end searched, nor is it copied: that is most of what this takes.
            parts += [text[begin:first], _reference(tx, run_id, known)]
            begin = at = first + len(known)
            continue
        last = text.find(b'"', first + 1)
        if first < 0 or last < 0 or text[last - 1 : last] == b"\\":
            break
        at = last + 1
        if at - first > LARGE:
            parts += [text[begin:first], _reference(tx, run_id, text[first:at])]
            begin = at
    return b"".join([*parts, text[begin:]]) if parts else text


def whole(read: Read, run_id: str, kept: bytes) -> bytes:
    """The JSON text of a run that is kept so.

    Raises:
        RowMissing: A large string of it is not there: the file is damaged.
    """
    if _MARK[0] not in kept:
        return kept
    parts = kept.split(_MARK)
    for at in range(1, len(parts), 2):
        parts[at] = _string(read, run_id, bytes.fromhex(parts[at].decode()))
    return b"".join(parts)


def text(tx: Tx, run_id: str, value: Any) -> str | None:
    """A JSON value of a run as a column has it, null for None; its large strings are written."""
    return None if value is None else cut(tx, run_id, dump(value)).decode()


def encoded(read: Read, run_id: str, column: str | None) -> bytes | None:
    """The JSON text in a column of a run."""
    return None if column is None else whole(read, run_id, column.encode())


def decoded(read: Read, run_id: str, column: str | None) -> Any:
    """The JSON value in a column of a run."""
    if column is None or _MARK_OF_TEXT not in column:
        return value(column)
    return value(encoded(read, run_id, column))


def references(kept: bytes, *, is_packed: bool) -> list[bytes]:
    """The digests of the large strings that a kept text refers to.

    Args:
        is_packed: It is of a history, whose small rows are packed.

    Raises:
        ValueError: It cannot be read.
    """
    try:
        text = unpacked(kept) if is_packed else kept
    except zlib.error as error:
        raise ValueError(f"it cannot be unpacked: {error}") from error
    return [bytes.fromhex(digest.decode()) for digest in text.split(_MARK)[1::2]]


def _reference(tx: Tx, run_id: str, string: bytes) -> bytes:
    """What stands in the place of a string, which is written if the run does not have it."""
    digest = _digest(string)
    if tx.one("has_large_string", run_id=run_id, digest=digest) is None:
        tx.do_many("insert_large_string", [(run_id, digest, string)])
    return b"%b%b%b" % (_MARK, digest.hex().encode(), _MARK)


def _string(read: Read, run_id: str, digest: bytes) -> bytes:
    known = _last
    if known.digest == digest:
        return known.string
    row = read.one("large_string", run_id=run_id, digest=digest)
    if row is None:
        raise RowMissing(f"run {run_id} refers to a string that is missing: {digest.hex()}")
    string: bytes = row[0]
    _note(string, digest)
    return string


def _digest(string: bytes) -> bytes:
    known = _last
    if known.string == string:
        return known.digest
    digest = hashlib.sha256(string).digest()[:_DIGEST_BYTES]
    _note(string, digest)
    return digest


def _note(string: bytes, digest: bytes) -> None:
    global _last
    if len(string) <= _LARGEST_KNOWN:
        _last = _Known(string, digest)
