"""Keys that are one in JSON are refused, and nothing else is."""

from typing import Any

import pytest

from durable_workflow import serializer
from durable_workflow._wire.keys import refuse_colliding_keys


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({1: "a", "1": "b"}, "keys 1 (int) and '1' (str) of the mapping at the top level"),
        ({"null": 1, None: 2}, "keys 'null' (str) and None (NoneType)"),
        ({True: 1, "true": 2}, "keys True (bool) and 'true' (str)"),
        ({False: 1, "false": 2}, "keys False (bool) and 'false' (str)"),
        ({1.5: 1, "1.5": 2}, "keys 1.5 (float) and '1.5' (str)"),
        ({"a": [0, ({"b": {2: 1, "2": 2}},)]}, "the mapping at a[1][0].b are the same key"),
        ([{3: {"x": 1}, "4": [{1: 0, "1": 0}]}], "the mapping at [0].4[0] are"),
    ],
)
def test_keys_that_collide_are_named_with_their_place(value: Any, text: str) -> None:
    with pytest.raises(ValueError, match="are the same key in JSON") as caught:
        refuse_colliding_keys(value)
    assert text in str(caught.value)
    for codec in ("json", "avro"):
        with pytest.raises(ValueError, match="are the same key in JSON"):
            serializer.encode(value, codec)
        with pytest.raises(ValueError, match="are the same key in JSON"):
            serializer.encode_many([1, value], codec)


@pytest.mark.parametrize(
    "value",
    [
        {1: "a", "2": "b"},
        {None: 1, True: 2, 2: 3, 1.5: 4, "x": 5},
        {"a": {1: 1}, "b": {"1": 1}},
        [],
    ],
)
def test_other_keys_stay_as_they_are(value: Any) -> None:
    refuse_colliding_keys(value)
    assert serializer.decode(serializer.encode(value, "avro"), "avro") is not None


def test_a_value_that_contains_itself_is_refused_as_such() -> None:
    value: dict[Any, Any] = {1: 1, "2": 2}
    value["self"] = value
    with pytest.raises(ValueError, match="Circular"):
        serializer.encode(value, "json")
