from typing import Any

import pytest

from durable_workflow._wire import json_values


@pytest.mark.parametrize(
    ("value", "integer"),
    [
        (3, 3),
        ("3", 3),
        (True, None),
        ("", None),
        ("-3", None),
        ("²", None),
        (3.0, None),
        ([], None),
    ],
)
def test_an_integer_may_be_written_as_digits(value: Any, integer: int | None) -> None:
    assert json_values.integer_or_none(value) == integer


@pytest.mark.parametrize("value", ["", None, 0, [], {}])
def test_only_text_that_says_something_is_text(value: Any) -> None:
    assert json_values.text_or_none(value) is None
    assert json_values.text_or_none("x") == "x"


def test_an_empty_array_stands_for_an_empty_object_where_php_servers_write_one() -> None:
    assert json_values.object_or_none([]) == {}
    assert json_values.dict_or_none([]) is None
    assert json_values.object_or_none([1]) is None
    assert (json_values.list_or_none([]), json_values.list_or_none({})) == ([], None)


def test_what_else_stands_in_a_list_is_left_out() -> None:
    assert json_values.objects([{"a": 1}, 2, None]) == [{"a": 1}]
    assert json_values.strings(["a", 2]) == ["a"]
    assert json_values.objects("x") == []
    assert json_values.strings_or_none("x") is None


@pytest.mark.parametrize(("value", "count"), [("4", 4), (None, 0), ("x", 0), (float("inf"), 0)])
def test_a_counter_that_is_no_number_is_0(value: Any, count: int) -> None:
    assert json_values.count(value) == count
