"""Large strings of a run are kept once, and every text comes back as it was."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_workflow.server.records import large_strings
from durable_workflow.server.records.large_strings import LARGE, cut, whole
from durable_workflow.server.records.packing import packed_together
from durable_workflow.server.services import maintenance, retention
from durable_workflow.server.store.errors import RowMissing
from durable_workflow.server.store.protocol import Tx
from durable_workflow.server.timers import _service

encode = msgspec.json.encode


class Rows:
    """A store of the one table."""

    def __init__(self) -> None:
        self.rows: dict[tuple[Any, Any], bytes] = {}

    def one(self, statement: str, /, **params: Any) -> tuple[Any] | None:
        assert statement in ("has_large_string", "large_string")
        found = self.rows.get((params["run_id"], params["digest"]))
        return None if found is None else (found,)

    def do_many(self, statement: str, rows: Any, /) -> None:
        assert statement == "insert_large_string"
        for run_id, digest, string in rows:
            assert (run_id, digest) not in self.rows
            self.rows[run_id, digest] = string


@pytest.fixture(name="rows")
def rows_() -> Rows:
    return Rows()


def tx_of(rows: Rows) -> Tx:
    return cast("Tx", rows)


def payload(character: str = "a", size: int = LARGE) -> str:
    return character * size


def test_the_same_string_is_kept_once_for_its_run(rows: Rows) -> None:
    texts = [encode({"codec": "avro", "blob": payload()}), encode({"result": payload(), "b": 1})]
    kept = [cut(tx_of(rows), run_id, text) for run_id in ("1", "2") for text in texts]

    assert [run_id for run_id, _ in rows.rows] == ["1", "2"]
    assert all(len(each) < 100 for each in kept)
    assert [whole(tx_of(rows), "1", each) for each in kept[:2]] == texts
    assert [whole(tx_of(rows), "2", each) for each in kept[2:]] == texts


def test_different_strings_of_one_length_are_told_apart(rows: Rows) -> None:
    texts = [encode([payload("a"), payload("b")]), encode([payload("b"), payload("c")])]
    kept = [cut(tx_of(rows), "1", text) for text in texts]
    assert len(rows.rows) == 3
    assert [whole(tx_of(rows), "1", each) for each in kept] == texts


@pytest.mark.parametrize(
    "text",
    [
        encode({"blob": payload(size=LARGE - 100)}),
        encode({"blob": '{"a":1}' * LARGE}),
        encode(list(range(LARGE))),
        encode([str(number) for number in range(LARGE)]),
    ],
    ids=["small", "escaped quotes", "no strings", "many small strings"],
)
def test_what_has_no_large_plain_string_stays_as_it_is(rows: Rows, text: bytes) -> None:
    assert cut(tx_of(rows), "1", text) == text
    assert rows.rows == {}


@pytest.mark.parametrize(
    "strange",
    [
        "\x01" * LARGE,
        "\x01" + "0" * 32 + "\x01" + payload(),
        payload() + "\\",
        payload() + '"',
        "\u00e9\U0001f600" * LARGE,
        payload() + "\\u0001",
    ],
)
def test_no_value_is_taken_for_a_reference(rows: Rows, strange: str) -> None:
    text = encode({strange[:40]: [strange, payload(), strange], "a": strange})
    kept = cut(tx_of(rows), "1", text)
    assert whole(tx_of(rows), "1", kept) == text
    column = large_strings.text(tx_of(rows), "1", strange)
    assert large_strings.decoded(tx_of(rows), "1", column) == strange


def test_a_text_whose_string_is_missing_names_its_run(rows: Rows) -> None:
    kept = cut(tx_of(rows), "the-run", encode({"blob": payload("z", 2 * LARGE)}))
    rows.rows.clear()
    cut(tx_of(rows), "other", encode({"blob": payload("y", 2 * LARGE)}))
    rows.rows.clear()
    with pytest.raises(RowMissing, match="run the-run refers to a string that is missing"):
        whole(tx_of(rows), "the-run", kept)


def test_a_damaged_row_is_not_taken_for_a_store_that_fails() -> None:
    """What falls due of its run is set aside; where the store fails everything waits."""
    for module in (maintenance, retention, _service):
        failures: tuple[type[Exception], ...] = vars(module)["_STORE_FAILURES"]
        assert not issubclass(RowMissing, failures)


@pytest.mark.parametrize("pack", [False, True])
def test_what_a_text_refers_to_is_told(rows: Rows, pack: bool) -> None:
    texts = ["small", payload("a"), {"a": [payload("b"), payload("a")]}]
    kept = cut(tx_of(rows), "1", encode(texts))
    told = large_strings.references(packed_together(kept) if pack else kept, is_packed=pack)
    assert [rows.rows["1", digest] for digest in told] == [
        encode(payload(letter)) for letter in "aba"
    ]


def test_a_packed_text_that_is_damaged_is_an_error_of_its_own() -> None:
    with pytest.raises(ValueError, match="cannot be unpacked"):
        large_strings.references(b"\x02\xff", is_packed=True)


pieces = st.sampled_from(["", "a", '"', "\\", "\x01", "\n", "é", "b" * 9, "c" * 9])
strings = st.lists(pieces, max_size=4).map("".join)
values = st.recursive(
    strings | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(strings, inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(values, max_size=3))
def test_every_value_comes_back(some: list[Any]) -> None:
    tx = tx_of(Rows())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large_strings, "LARGE", 8)
        columns = [large_strings.text(tx, "1", value) for value in some]
    assert [large_strings.decoded(tx, "1", column) for column in columns] == some
