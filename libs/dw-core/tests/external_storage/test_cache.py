import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_workflow.external_storage import ExternalPayloadCache, ExternalPayloadReference


def reference(name: str, size: int = 1, codec: str = "avro") -> ExternalPayloadReference:
    return ExternalPayloadReference(uri=name, sha256="0" * 64, size_bytes=size, codec=codec)


A, B, C = (reference(name) for name in "abc")


def test_a_cache_is_bounded_unless_told_otherwise() -> None:
    cache = ExternalPayloadCache()
    assert (cache.max_entries, cache.max_bytes, cache.current_bytes) == (128, 16_777_216, 0)


@pytest.mark.parametrize("bounds", [{"max_entries": 0}, {"max_bytes": 0}, {"max_bytes": -1}])
def test_bounds_are_positive(bounds: Any) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ExternalPayloadCache(**bounds)


def test_the_least_recently_used_goes_first() -> None:
    cache = ExternalPayloadCache(max_entries=2)
    cache.put(A, b"a")
    cache.put(B, b"b")
    assert cache.get(A) == b"a"
    cache.put(C, b"c")
    assert (cache.get(A), cache.get(B), cache.get(C)) == (b"a", None, b"c")
    assert (len(cache), cache.current_bytes) == (2, 2)


def test_bytes_are_bounded_too() -> None:
    cache = ExternalPayloadCache(max_bytes=4)
    cache.put(A, b"12")
    cache.put(B, b"34")
    cache.put(C, b"5")
    assert (cache.get(A), cache.get(B), cache.get(C)) == (None, b"34", b"5")


def test_what_is_larger_than_the_cache_evicts_nothing() -> None:
    cache = ExternalPayloadCache(max_bytes=2)
    cache.put(A, b"1")
    cache.put(B, b"123")
    assert (cache.get(A), cache.get(B), cache.current_bytes) == (b"1", None, 1)


def test_the_key_is_the_whole_reference() -> None:
    cache = ExternalPayloadCache()
    cache.put(A, b"a")
    assert cache.get(reference("a", size=2)) is None
    assert cache.get(reference("a", codec="json")) is None


def test_discard_and_clear() -> None:
    cache = ExternalPayloadCache()
    cache.put(A, b"a")
    cache.put(B, b"b")
    cache.discard(A)
    cache.discard(C)
    assert (cache.get(A), len(cache), cache.current_bytes) == (None, 1, 1)
    cache.clear()
    assert (len(cache), cache.current_bytes) == (0, 0)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.binary(max_size=6))))
def test_the_bounds_hold_whatever_is_put(puts: Any) -> None:
    cache = ExternalPayloadCache(max_entries=3, max_bytes=10)
    kept: dict[str, bytes] = {}
    for name, data in puts:
        cache.put(reference(name), data)
        kept[name] = data
    present = {name: cache.get(reference(name)) for name in kept}
    found = {name: data for name, data in present.items() if data is not None}
    assert len(cache) == len(found) <= 3
    assert cache.current_bytes == sum(map(len, found.values())) <= 10
    assert all(kept[name] == data for name, data in found.items())


def test_threads_may_share_it() -> None:
    cache = ExternalPayloadCache(max_entries=4, max_bytes=40)

    def churn(name: str) -> None:
        for number in range(500):
            cache.put(reference(f"{name}{number % 7}"), b"12345")
            cache.get(reference(f"{name}{number % 5}"))

    threads = [threading.Thread(target=churn, args=(name,)) for name in "xyz"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cache) == 4
    assert cache.current_bytes == 20
