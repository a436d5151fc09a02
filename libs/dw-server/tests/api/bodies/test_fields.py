from __future__ import annotations

import re
from typing import Any

import pytest

from durable_workflow.server.api.bodies.fields import LARGEST, Fields
from durable_workflow.server.refusals import Invalid


def fields(**source: Any) -> Fields:
    return Fields(source)


def test_text_is_trimmed_and_blank_text_is_absent() -> None:
    read = fields(a="  x ", b=" \t", c=None, e=" keep ")

    assert read.text("a") == "x"
    assert read.text("b") is None
    assert read.text("c") is None
    assert read.text("d") is None
    assert read.text("e", trim=False) == " keep "
    read.check()


@pytest.mark.parametrize("value", [5, True, [], {}, 1.5, "x" * 256, "a\0b", "not-this"])
def test_text_that_does_not_fit(value: Any) -> None:
    read = fields(a=value)

    assert read.text("a", pattern=re.compile("[a-z]+")) is None
    with pytest.raises(Invalid) as invalid:
        read.check()
    assert list(invalid.value.extra["errors"]) == ["a"]


@pytest.mark.parametrize("value", [7, "7", " 7 ", "007"])
def test_whole_numbers_may_come_as_digits(value: Any) -> None:
    assert fields(a=value).whole("a") == 7


@pytest.mark.parametrize(
    "value", ["x", 1.0, 1.5, True, [], {}, -1, "-1", LARGEST + 1, 10**40, "9" * 30, "1_0", "٣"]
)
def test_whole_numbers_that_do_not_fit(value: Any) -> None:
    read = fields(a=value)

    assert read.whole("a") is None
    assert len(read.errors["a"]) == 1


def test_bounds_are_named() -> None:
    read = fields(a=0, b=11)
    read.whole("a", least=1)
    read.whole("b", most=10)

    assert read.errors == {
        "a": ["The a field must be at least 1."],
        "b": ["The b field must not be greater than 10."],
    }


@pytest.mark.parametrize(
    ("value", "flag"),
    [(True, True), (1, True), ("1", True), ("true", True), (False, False), (0, False), ("", None)],
)
def test_flags_in_all_spellings(value: Any, flag: bool | None) -> None:
    read = fields(a=value)

    assert read.flag("a") is flag
    read.check()


@pytest.mark.parametrize("value", [2, "yes", [], {}, 1.5])
def test_flags_that_do_not_fit(value: Any) -> None:
    read = fields(a=value)
    read.flag("a")

    assert list(read.errors) == ["a"]


def test_everything_that_is_wrong_is_said_at_once_under_its_path() -> None:
    read = fields(list=["x", 5, ""], object=[1], inner={"n": "x"})
    assert read.required_text("missing") == ""
    assert read.required_whole("count") == 0
    assert read.texts("list", most=3) == ["x"]
    assert read.object("object") is None
    inner = read.inside("inner", read.object("inner") or {})
    assert inner.whole("n") is None

    with pytest.raises(Invalid) as invalid:
        read.check()
    assert list(invalid.value.extra["errors"]) == [
        "missing",
        "count",
        "list.1",
        "list.2",
        "object",
        "inner.n",
    ]
    assert invalid.value.message == "The missing field is required. (and 5 more errors)"
    assert invalid.value.extra["errors"] == invalid.value.extra["validation_errors"]


@pytest.mark.parametrize("value", [["a", "b", "c"], ["a\0b"], ["x" * 256]])
def test_lists_of_texts_that_do_not_fit(value: Any) -> None:
    read = fields(a=value)
    read.texts("a", most=2)

    assert [name.partition(".")[0] for name in read.errors] == ["a"]


def test_an_empty_list_is_an_empty_object() -> None:
    assert fields(a=[]).object("a") == {}
