import dataclasses
import datetime as dt
import enum
import types
import uuid
from collections import OrderedDict, deque
from decimal import Decimal
from typing import Any, NamedTuple

import pydantic
import pytest

from durable_workflow import serializer
from durable_workflow.serializer import to_avro_payload_value, to_avro_payload_values


class Color(enum.Enum):
    RED = "red"


class Moment(enum.Enum):
    NOON = dt.time(12)


class Level(enum.IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Line:
    sku: str
    price: Decimal
    color: Color = Color.RED


class Point:
    """As attrs makes its classes."""

    __attrs_attrs__ = (types.SimpleNamespace(name="x"), types.SimpleNamespace(name="y"))

    def __init__(self, x: int, y: Decimal) -> None:
        self.x = x
        self.y = y


class Order(pydantic.BaseModel):
    number: int
    placed: dt.datetime


class OldOrder:
    __fields__ = ("number",)

    def dict(self) -> Any:
        return {"number": Decimal(7)}


class Pair(NamedTuple):
    left: Any
    right: Any


ID = uuid.UUID("12345678-1234-5678-1234-567812345678")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Color.RED, "red"),
        (Moment.NOON, "12:00:00"),
        (Level.HIGH, 3),
        (None, None),
        (True, True),
        (1.5, 1.5),
        (dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC), "2026-01-02T03:04:00+00:00"),
        (dt.date(2026, 1, 2), "2026-01-02"),
        (dt.time(3, 4), "03:04:00"),
        (ID, str(ID)),
        (Decimal("1.10"), "1.10"),
        ({"a": Color.RED}, {"a": "red"}),
        (OrderedDict({"a": 1}), {"a": 1}),
        (types.MappingProxyType({"a": [ID]}), {"a": [str(ID)]}),
        (Line("x", Decimal("2.5")), {"sku": "x", "price": "2.5", "color": "red"}),
        (Point(1, Decimal(2)), {"x": 1, "y": "2"}),
        (
            Order(number=1, placed=dt.datetime(2026, 1, 2, tzinfo=dt.UTC)),
            {"number": 1, "placed": "2026-01-02T00:00:00Z"},
        ),
        (OldOrder(), {"number": "7"}),
        (Pair(1, Color.RED), [1, "red"]),
        ((1, (2, 3)), [1, [2, 3]]),
        (range(3), [0, 1, 2]),
        (deque([1]), None),
    ],
)
def test_rich_values_have_a_plain_form(value: Any, plain: Any) -> None:
    if plain is None and value is not None:
        plain = list(value)
    assert to_avro_payload_value(value) == plain


@pytest.mark.parametrize("value", [{1, 2}, b"raw", bytearray(b"raw"), object(), Line, 1j])
def test_what_has_none_is_a_type_error(value: Any) -> None:
    with pytest.raises(TypeError, match="has no payload form"):
        to_avro_payload_value([value])


def test_keys_are_never_turned_into_text() -> None:
    with pytest.raises(TypeError, match="keys must be text, not int"):
        to_avro_payload_value({1: "a"})


def test_several_values() -> None:
    assert to_avro_payload_values((Color.RED, 1)) == ["red", 1]


@pytest.mark.parametrize("value", [Color.RED, Line("x", Decimal(1)), ID, Decimal(1)])
def test_what_is_adapted_on_request_is_encoded_alike_without(value: Any) -> None:
    adapted = to_avro_payload_value(value)
    assert serializer.encode(value) == serializer.encode(adapted)
