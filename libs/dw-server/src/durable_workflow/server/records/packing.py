"""JSON texts as they are kept: without what all texts of their kind have in common.

A history record is mostly names of members, which are the same in each. It is deflated with a
dictionary of them, which takes six microseconds, and a single one to undo; a record of 500 bytes
is kept in 80. What is large holds a payload, and is kept as it is.

The first byte tells how a text is kept. A dictionary is never changed, because texts that were
packed with it would be lost: another one gets another number.
"""

from __future__ import annotations

import zlib
from typing import Final

from durable_workflow.server.records.packing_words import WORDS_1, WORDS_2

# Larger texts are kept as they are: little of them is names, and deflating takes time by the byte.
LARGEST: Final = 2048
# 8 KiB: all of the dictionary, and little to set up for each text.
_WINDOW: Final = -13
_MEMORY: Final = 5
# Level 6 looks four times as long for each match, and keeps a history no smaller.
_LEVEL: Final = 5

# By the first byte of what was packed with them.
_WORDS: Final = {1: WORDS_1, 2: WORDS_2}
_NEWEST: Final = 2
_MARK: Final = bytes([_NEWEST])

_packer = zlib.compressobj(
    _LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, zdict=_WORDS[_NEWEST]
)
_unpackers = {
    bytes([number]): zlib.decompressobj(_WINDOW, zdict=words) for number, words in _WORDS.items()
}


def packed(text: bytes) -> bytes:
    """A JSON text as it is kept."""
    return text if len(text) > LARGEST else packed_together(text)


def packed_together(text: bytes) -> bytes:
    """Several small JSON texts as they are kept in one piece."""
    # A copy has the dictionary already: to take it in costs more than the text does.
    packer = _packer.copy()
    found = _MARK + packer.compress(text) + packer.flush()
    return found if len(found) < len(text) else text


def unpacked(kept: bytes) -> bytes:
    """The JSON text that is kept so."""
    unpacker = _unpackers.get(kept[:1])
    return kept if unpacker is None else unpacker.copy().decompress(kept[1:])
