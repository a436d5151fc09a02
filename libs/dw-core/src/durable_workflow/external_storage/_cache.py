"""Payloads that were fetched and verified before."""

import threading
from collections import OrderedDict

from durable_workflow.external_storage._reference import ExternalPayloadReference

_Key = tuple[str, str, int, str]


class ExternalPayloadCache:
    """Least-recently-used cache of verified payload bytes, bounded by count and by size.

    A replay fetches the same payloads as the one before it; this keeps them at hand. One cache may
    serve several threads.

    Attributes:
        max_entries: Most payloads kept.
        max_bytes: Most bytes kept.
        current_bytes: Bytes kept now.
    """

    def __init__(self, *, max_entries: int = 128, max_bytes: int = 16 * 1024 * 1024) -> None:
        """Make an empty cache.

        Raises:
            ValueError: A bound is less than 1.
        """
        if max_entries < 1:
            raise ValueError("external payload cache max_entries must be at least 1")
        if max_bytes < 1:
            raise ValueError("external payload cache max_bytes must be at least 1")
        self.max_entries = max_entries
        self.max_bytes = max_bytes
        self.current_bytes = 0
        self._entries: OrderedDict[_Key, bytes] = OrderedDict()
        # The worker answers queries on a second thread with the same cache.
        self._lock = threading.Lock()

    def get(self, reference: ExternalPayloadReference) -> bytes | None:
        """The bytes of a payload, or None; a hit makes it the most recently used."""
        key = _key(reference)
        with self._lock:
            data = self._entries.get(key)
            if data is not None:
                self._entries.move_to_end(key)
            return data

    def put(self, reference: ExternalPayloadReference, data: bytes) -> None:
        """Keep verified bytes, at the cost of the least recently used ones.

        Data larger than the whole cache is not kept, and nothing is evicted for it.
        """
        if len(data) > self.max_bytes:
            return
        with self._lock:
            self._remove(_key(reference))
            self._entries[_key(reference)] = data
            self.current_bytes += len(data)
            while len(self._entries) > self.max_entries or self.current_bytes > self.max_bytes:
                self._remove(next(iter(self._entries)))

    def discard(self, reference: ExternalPayloadReference) -> None:
        """Forget a payload, where it is kept."""
        with self._lock:
            self._remove(_key(reference))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()
            self.current_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def _remove(self, key: _Key) -> None:
        data = self._entries.pop(key, None)
        if data is not None:
            self.current_bytes -= len(data)


def _key(reference: ExternalPayloadReference) -> _Key:
    return reference.uri, reference.sha256, reference.size_bytes, reference.codec
