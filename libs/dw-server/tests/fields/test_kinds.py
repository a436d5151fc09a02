"""What each kind of field takes from the wire, and what it says of the rest."""

from __future__ import annotations

import re
from typing import Any

import pytest

from durable_workflow.server.fields import (
    LARGEST,
    LONGEST_SECONDS,
    Choice,
    Commands,
    Duration,
    Flag,
    Inside,
    Kind,
    Listed,
    Memo,
    Number,
    Object,
    OperationName,
    PageSize,
    Reading,
    RetryPolicy,
    SlicedKind,
    Text,
    Whole,
    WireLimits,
    texts,
)
from durable_workflow.server.fields.retry_policies import Delay, Delays
from durable_workflow.server.requests.workflows import SearchAttributes


def read(kind: Kind, value: Any) -> Any:
    reading = Reading()
    found = kind.read(value, "a", reading)
    assert not reading.errors
    return found


def said(kind: Kind, value: Any, **limits: int) -> list[str]:
    """What is said of a value that does not fit, without the beginning that all have."""
    reading = Reading(WireLimits(**limits), longest_page=10)
    kind.read(value, "a", reading)
    assert reading.failures == sum(map(len, reading.errors.values()))
    return [
        text.removeprefix(f"The {field} field ")
        for field, found in reading.errors.items()
        for text in found
    ]


def test_text_is_trimmed_and_blank_text_is_absent() -> None:
    assert read(Text(), "  x ") == "x"
    assert read(Text(), " \t") is None
    assert read(Text(trim=False), " keep ") == " keep "
    assert read(Text(trim=False), "  ") is None
    assert read(Text(trim=False, blank=True), "  ") == "  "


@pytest.mark.parametrize("value", [5, True, [], {}, 1.5, "x" * 256, "a\0b", "not-this"])
def test_text_that_does_not_fit(value: Any) -> None:
    assert len(said(Text(pattern=re.compile("[a-z]+")), value)) == 1


def test_prose_may_be_long_and_hold_anything() -> None:
    assert read(Text(longest=None, nulls=True), "x" * 100_000 + "\0") == "x" * 100_000 + "\0"


def test_a_choice_names_the_words() -> None:
    assert read(Choice(words=("a", "b")), " b ") == "b"
    assert read(Choice(words=("a", "b")), "") is None
    assert said(Choice(words=("a", "b")), "c") == ["must be one of a, b."]
    assert said(Choice(words=("a", "b")), 5) == ["must be a string."]


@pytest.mark.parametrize("value", [7, "7", " 7 ", "007"])
def test_whole_numbers_may_come_as_digits(value: Any) -> None:
    assert read(Whole(), value) == 7


@pytest.mark.parametrize(
    "value",
    ["x", 1.0, 1.5, True, [], {}, -1, "-1", LARGEST + 1, 10**40, "9" * 30, "1_0", "+5", "٣"],
)
def test_whole_numbers_that_do_not_fit(value: Any) -> None:
    assert len(said(Whole(), value)) == 1


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (3, [3]),
        (" 3 ", [3]),
        (["3", 4], [3, 4]),
        (" ", None),
        ([1, 2**33, 2**98, "99999999999"], [1, *[LONGEST_SECONDS] * 3]),
        ([1, 2, *[60] * 98], [1, 2, *[60] * 98]),
        ([1, 2, *[60] * 99], [1, 2, 60]),
        ([60] * 10_000, [60]),
        ([*range(200)], [*range(200)]),
    ],
)
def test_one_delay_stands_for_all(value: Any, found: list[int] | None) -> None:
    assert read(Delays(each=Delay()), value) == found


@pytest.mark.parametrize("value", [-1, "-1", "text", 1.5, True, {}, [""], [True]])
def test_delays_that_do_not_fit(value: Any) -> None:
    assert len(said(Delays(each=Delay()), value)) == 1


def test_bounds_are_named() -> None:
    assert said(Whole(least=1), 0) == ["must be at least 1."]
    assert said(Whole(most=10), 11) == ["must not be greater than 10."]
    assert said(PageSize(), 11) == ["must not be greater than 10."]
    assert said(Memo(), {"a": 12345}, max_memo_bytes=9) == ["must not be larger than 9 bytes."]
    assert read(Whole(), "") is None


@pytest.mark.parametrize(("value", "found"), [(1, 1), ("2", 2), (0.25, 0.25), (0, 0), (" ", None)])
def test_durations_may_be_fractions_or_digits(value: Any, found: float | None) -> None:
    assert read(Duration(), value) == found


@pytest.mark.parametrize(
    "value", [True, "x", "0.5", -1, -0.5, LONGEST_SECONDS + 1, 1e303, float("inf"), [], {}]
)
def test_durations_that_do_not_fit(value: Any) -> None:
    assert len(said(Duration(), value)) == 1


@pytest.mark.parametrize("value", ["5", True, -1, float("nan"), []])
def test_amounts_are_numbers(value: Any) -> None:
    assert len(said(Number(), value)) == 1
    assert read(Number(), 1.5) == 1.5


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        (True, True),
        (1, True),
        ("1", True),
        (" true\t", True),
        (False, False),
        (0, False),
        ("", None),
        ("\u2003", None),
    ],
)
def test_flags_in_all_spellings(value: Any, flag: bool | None) -> None:
    assert read(Flag(), value) is flag


@pytest.mark.parametrize("value", [2, "yes", [], {}, 1.5])
def test_flags_that_do_not_fit(value: Any) -> None:
    assert said(Flag(), value) == ["must be true or false."]


@pytest.mark.parametrize("value", [["a", "b", "c"], ["a\0b"], ["x" * 256], [""], [None], [5], "a"])
def test_lists_of_texts_that_do_not_fit(value: Any) -> None:
    assert len(said(texts(most=2), value)) == 1


def test_each_member_of_a_list_is_read_under_its_number() -> None:
    reading = Reading()

    assert Listed(each=Whole()).read(["1", "x", 3], "a", reading) == [1, 3]
    assert list(reading.errors) == ["a.1"]


def test_of_a_list_that_is_all_wrong_not_all_is_said() -> None:
    reading = Reading()
    assert Listed(each=Whole()).read(["x"] * 5000, "a", reading) == []
    assert reading.is_full()
    assert list(reading.errors) == [f"a.{index}" for index in range(1000)]


def test_attributes_that_are_all_wrong_are_not_all_told() -> None:
    reading = Reading()
    SearchAttributes().read({f" {index}": 1 for index in range(5000)}, "a", reading)
    assert len(reading.errors["a"]) == 1000


NUMBERS = [1] * 5000
OBJECTS: list[Any] = [{}] * 2500
LARGE: list[tuple[SlicedKind, Any]] = [
    (Listed(each=Whole()), NUMBERS),
    (Delays(each=Delay()), NUMBERS),
    (Commands(each=Object()), OBJECTS),
    (SearchAttributes(), {f"k{index}": 1 for index in range(5000)}),
    (Inside(into=RetryPolicy), {"backoff_seconds": NUMBERS}),
]


@pytest.mark.parametrize(("kind", "value"), LARGE)
def test_what_holds_very_much_is_read_with_pauses(kind: SlicedKind, value: Any) -> None:
    reading = Reading()
    assert len([*kind.read_in_slices(value, "a", reading)]) == 10
    assert not reading.failures


def test_an_empty_list_is_an_empty_object_where_that_may_be() -> None:
    assert read(Object(), []) == {}
    assert said(Object(or_list=False), []) == ["must be an object."]
    assert said(Object(), [1]) == ["must be an object."]


@pytest.mark.parametrize(("name", "fits"), [("n", True), ("ü" * 4, True), ("ü" * 5, False)])
def test_names_of_operations_are_bounded_in_bytes(name: str, fits: bool) -> None:
    assert (said(OperationName(), name, max_operation_name_length=8) == []) is fits


@pytest.mark.parametrize("name", [" ", "a\nb", "a\0b", "\x7f"])
def test_names_of_operations_that_do_not_fit(name: str) -> None:
    assert len(said(OperationName(), name)) == 1
