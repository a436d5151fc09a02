"""Arguments as functions are annotated to take them, and the plain form that they come from."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import enum
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    TypedDict,
    TypeVar,
)
from unittest.mock import AsyncMock, Mock
from uuid import UUID

import msgspec
import pydantic
import pytest

from durable_workflow import serializer
from durable_workflow._conversion import converted, fitting
from durable_workflow.errors import ArgumentMismatch

if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found] # pyright: ignore[reportMissingImports]

AT = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
ID = UUID("6f1d2ac3-3a3b-4a8e-9d5c-6c5a6d8f0001")
OrderId = NewType("OrderId", UUID)


class Color(enum.Enum):
    RED = "red"
    UNTIL = date(2026, 1, 1)


class Size(enum.IntEnum):
    SMALL = 1


class Point(NamedTuple):
    when: date
    note: str = ""


class Row(TypedDict):
    due: NotRequired[date]
    count: int


class PlainRow(TypedDict):
    count: int


@dataclass
class Item:
    due: datetime
    price: Decimal = Decimal(0)
    parts: list[Item] = field(default_factory=list["Item"])
    anything: Any = None


@dataclass
class Order:
    items: list[Item]
    count: int = 0

    def __post_init__(self) -> None:
        if self.count == -1:
            raise ValueError("count must not be -1")


class Payment(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    at: datetime
    lines: list[int] = []


class Shipment(msgspec.Struct, rename="camel"):
    shipped_at: datetime
    labels: list[bytes] = []


def travelled(value: Any) -> Any:
    return serializer.decode(serializer.encode(value, "json"), "json")


def as_argument(annotation: Any, value: Any) -> Any:
    def function(order: Any) -> None: ...

    function.__annotations__["order"] = annotation
    (argument,) = converted(function, [value])
    return argument


VALUES: list[tuple[Any, Any, Any]] = [
    (datetime, AT, "2026-05-01T12:30:00+00:00"),
    (date, date(2026, 5, 1), "2026-05-01"),
    (time, time(12, 30), "12:30:00"),
    (timedelta, timedelta(days=1, hours=2, minutes=3, seconds=4.5), "P1DT2H3M4.5S"),
    (timedelta, timedelta(), "PT0S"),
    (timedelta, timedelta(seconds=-90), "-PT1M30S"),
    (timedelta, timedelta(microseconds=1), "PT0.000001S"),
    (UUID, ID, str(ID)),
    (OrderId, ID, str(ID)),
    (Decimal, Decimal("1.20"), "1.20"),
    (bytes, b"\x00\xff", "AP8="),
    (Color, Color.RED, "red"),
    (Color, Color.UNTIL, "2026-01-01"),
    (Size, Size.SMALL, 1),
    (set[str], {"b", "a"}, ["a", "b"]),
    (frozenset[date], frozenset({date(2026, 5, 1)}), ["2026-05-01"]),
    (AbstractSet[int], frozenset({1}), [1]),
    (set, {1}, [1]),
    (tuple, (1, "a"), [1, "a"]),
    (tuple[int, date], (1, date(2026, 5, 1)), [1, "2026-05-01"]),
    (tuple[UUID, ...], (ID, ID), [str(ID), str(ID)]),
    (Point, Point(date(2026, 5, 1)), ["2026-05-01", ""]),
    (Row, {"due": date(2026, 5, 1), "count": 1}, {"due": "2026-05-01", "count": 1}),
    (list[date], [date(2026, 5, 1)], ["2026-05-01"]),
    (Sequence[date], [date(2026, 5, 1)], ["2026-05-01"]),
    (dict[UUID, timedelta], {ID: timedelta(seconds=1)}, {str(ID): "PT1S"}),
    (Mapping[str, Decimal], {"a": Decimal(1)}, {"a": "1"}),
    (date | None, date(2026, 5, 1), "2026-05-01"),
    (date | None, None, None),
    (Annotated[date, "due"], date(2026, 5, 1), "2026-05-01"),
    (
        Order,
        Order([Item(AT, Decimal(2), [Item(AT)])], 1),
        {
            "items": [
                {
                    "due": "2026-05-01T12:30:00+00:00",
                    "price": "2",
                    "parts": [
                        {
                            "due": "2026-05-01T12:30:00+00:00",
                            "price": "0",
                            "parts": [],
                            "anything": None,
                        }
                    ],
                    "anything": None,
                }
            ],
            "count": 1,
        },
    ),
    (Payment, Payment(at=AT, lines=[1]), {"at": "2026-05-01T12:30:00Z", "lines": [1]}),
    (Shipment, Shipment(AT, [b"x"]), {"shippedAt": "2026-05-01T12:30:00Z", "labels": ["eA=="]}),
]


@pytest.mark.parametrize(("annotation", "value", "form"), VALUES)
def test_rich_values_travel_in_their_plain_form(annotation: Any, value: Any, form: Any) -> None:
    assert travelled(value) == form
    read = as_argument(annotation, travelled(value))
    assert read == value
    assert type(read) is type(value)
    assert as_argument(annotation, value) == value  # what is converted already stays so


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (int, "no number"),
        (float, 1),
        (str, 1),
        (dict, [1]),
        (list[int], "x"),
        (dict[str, int], {"a": "x"}),
        (dict[int, str], {"1": "x"}),
        (Any, {"a": 1}),
        (object, 1),
        (Literal["a"], "b"),
        (PlainRow, {"count": "x"}),
        (str | datetime, "2026-05-01"),
        (dict[str, Any] | Order, {"items": []}),
        (int | None, "x"),
    ],
)
def test_plain_json_is_neither_checked_nor_coerced(annotation: Any, value: Any) -> None:
    assert as_argument(annotation, value) is value


@pytest.mark.parametrize(
    ("annotation", "value", "path", "text"),
    [
        (datetime, "soon", "order", "expected a datetime in ISO 8601, got other text"),
        (datetime, 1, "order", "got a number"),
        (date, None, "order", "got null"),
        (timedelta, "P", "order", "expected a duration"),
        (timedelta, "PT", "order", "expected a duration"),
        (timedelta, 1e300, "order", "expected a duration"),
        (Decimal, "many", "order", "expected a decimal number"),
        (Decimal, True, "order", "got a boolean"),
        (UUID, "x", "order", "expected a UUID"),
        (bytes, "?", "order", "expected bytes as base64"),
        (Color, "blue", "order", "one of the values of Color"),
        (set[str], {"a": 1}, "order", "expected a list, got an object"),
        (set, [[1]], "order", "cannot be lists"),
        (tuple[int, date], [1], "order", "expected 2 items, got 1"),
        (Point, [], "order", "expected 2 items, got 0"),
        (Point, ["x"], "order.when", "expected a date"),
        (Row, {"due": 1}, "order.due", "expected a date"),
        (list[date], ["2026-05-01", "x"], "order[1]", "expected a date"),
        (dict[str, date], {"a": "x"}, "order.a", "expected a date"),
        (dict[UUID, str], {"a": "x"}, "order.a", "expected a UUID"),
        (Order, "x", "order", "expected an object (Order), got text"),
        (Order, {}, "order.items", "is missing"),
        (Order, {"items": [], "count": -1}, "order", "count must not be -1"),
        (Order, {"items": [{"due": "x"}]}, "order.items[0].due", "expected a datetime"),
        (Payment, {"at": "x"}, "order.at", "valid datetime"),
        (Payment, {"at": AT.isoformat(), "lines": ["x"]}, "order.lines[0]", "valid integer"),
        (Shipment, {"shippedAt": 1}, "order.shippedAt", "Expected `datetime`"),
        (Shipment, "x", "order", "Expected `object`"),
        (Order | Payment, {"at": 1}, "order", "fits none of Order, Payment"),
        (Order | None, {"items": 1}, "order.items", "expected a list"),
    ],
)
def test_what_does_not_fit_names_the_place_and_not_the_value(
    annotation: Any, value: Any, path: str, text: str
) -> None:
    with pytest.raises(ArgumentMismatch) as raised:
        as_argument(annotation, value)
    assert raised.value.path == path
    assert text in str(raised.value)
    assert str(raised.value).startswith(f"{path}: ")
    assert "soon" not in str(raised.value)


def test_unknown_members_and_empty_lists_of_php_are_accepted() -> None:
    assert as_argument(Order, {"items": [], "new": 1}) == Order([])
    assert as_argument(dict[str, date], []) == {}


def test_the_first_member_of_a_union_that_fits_is_taken() -> None:
    assert as_argument(Order | Payment, {"at": "2026-05-01T12:30:00Z"}) == Payment(at=AT)


class Handlers:
    def method(self, due: date, note: str, *more: Decimal) -> None: ...

    @staticmethod
    def static(due: date) -> None: ...

    @classmethod
    def of_class(cls, due: date) -> None: ...

    def __call__(self, due: date) -> None: ...


def function(due: date) -> None: ...


@functools.wraps(function)
def wrapper(*args: Any) -> None: ...


@pytest.mark.parametrize(
    "called",
    [
        function,
        wrapper,
        functools.partial(function),
        Handlers(),
        Handlers().method,
        Handlers.static,
        Handlers().of_class,
    ],
)
def test_functions_of_every_form_have_a_plan(called: Callable[..., Any]) -> None:
    assert list(converted(called, ["2026-05-01"])) == [date(2026, 5, 1)]


def test_mocks_of_functions_get_their_arguments() -> None:
    async def original(due: date) -> None: ...

    for mocked in (Mock(), AsyncMock(), AsyncMock(spec=original)):
        assert list(converted(mocked, [1])) == [1]


def test_arguments_are_matched_by_position_behind_those_that_lead() -> None:
    given = ["2026-05-01", "note", "1", "2"]
    wanted = [date(2026, 5, 1), "note", Decimal(1), Decimal(2)]
    assert converted(Handlers().method, given) == wanted

    def run(self: Any, ctx: Any, due: date) -> None: ...

    bound = run.__get__(object())
    assert converted(bound, ["2026-05-01", "too many"], lead=1) == [date(2026, 5, 1), "too many"]


@dataclass
class Card:
    kind: Literal["card"]
    number: str
    until: date


@dataclass
class Cash:
    kind: Literal["cash"]
    number: str = ""


@dataclass
class Short:
    amount: Decimal


@dataclass
class Long:
    amount: Decimal
    note: str = ""


class Noted(TypedDict):
    note: str
    since: date


@pytest.mark.parametrize(
    "given",
    [
        Card("card", "1", date(2026, 1, 1)),
        Cash("cash", "1"),
        Short(Decimal(1)),
        Long(Decimal(1), "x"),
        Noted(note="x", since=date(2026, 1, 1)),
        [Short(Decimal(1)), Long(Decimal(2))],
        date(2026, 1, 1),
        datetime(2026, 1, 1, 2, tzinfo=UTC),
    ],
    ids=repr,
)
def test_a_union_gives_back_what_was_written(given: Any) -> None:
    plain = serializer.decode(serializer.encode(given), "avro")

    def first(
        value: Cash | Card | Long | Short | Noted | datetime | date | list[Long | Short],
    ) -> None: ...

    def last(
        value: list[Short | Long] | date | datetime | Noted | Short | Long | Card | Cash,
    ) -> None: ...

    for function in (first, last):
        (found,) = converted(function, [plain])
        assert (type(found), found) == (type(given), given)


T = TypeVar("T")
U = TypeVar("U")


@dataclass
class Page(Generic[T]):
    first: T
    others: list[T] = field(default_factory=list["T"])
    before: Page[T] | None = None


@dataclass
class Dated(Page[date]):
    note: str = ""


@dataclass
class Pair(Page[T], Generic[T, U]):
    second: U | None = None


@dataclass
class Twice(Page[date], Generic[T]):
    other: T | None = None


class Keyed(TypedDict, Generic[T]):
    key: T


class Slot(msgspec.Struct, Generic[T]):
    item: T


@pytest.mark.parametrize(
    ("annotation", "given"),
    [
        (Page[date], Page(date(2026, 1, 1), [date(2026, 1, 2)], Page(date(2026, 1, 3)))),
        (Page[Short], Page(Short(Decimal(1)), [Short(Decimal(2))])),
        (Page[list[Page[Decimal]]], Page([Page(Decimal(1))])),
        (Page[date | None], Page[date | None](None, [date(2026, 1, 1)])),
        (dict[str, Page[Decimal]], {"a": Page(Decimal(1))}),
        (Dated, Dated(date(2026, 1, 1), note="x")),
        (Pair[date, Decimal], Pair(date(2026, 1, 1), second=Decimal(1))),
        (Page, Page("2026-01-01")),
        (Keyed[date], {"key": date(2026, 1, 1)}),
        (Slot[date], Slot(date(2026, 1, 1))),
    ],
    ids=repr,
)
def test_type_variables_stand_for_their_arguments(annotation: Any, given: Any) -> None:
    def generic(value: Any) -> None: ...

    generic.__annotations__["value"] = annotation
    plain = serializer.decode(serializer.encode(given), "avro")
    assert converted(generic, [plain])[0] == given


def test_a_type_variable_has_its_own_meaning_in_each_class() -> None:
    def twice(value: Twice[Decimal]) -> None: ...

    plain = {"first": "2026-01-01", "other": "1"}
    assert converted(twice, [plain]) == [Twice(date(2026, 1, 1), other=Decimal(1))]


def test_a_default_of_none_takes_null() -> None:
    def lenient(due: date = None) -> None: ...  # type: ignore[assignment] # noqa: RUF013 # pyright: ignore[reportArgumentType]

    assert converted(lenient, [None]) == [None]


def test_a_function_with_plain_annotations_gets_its_arguments_untouched() -> None:
    def plain(name: str, count: int, rest: dict[str, Any]) -> None: ...

    arguments = [1, "x", []]
    assert converted(plain, arguments) is arguments
    assert converted(print, arguments) is arguments


def test_conversion_can_be_turned_off() -> None:
    arguments = ["2026-05-01"]
    assert fitting(converts=False)(function, arguments) is arguments
    assert fitting(converts=True)(function, arguments) == [date(2026, 5, 1)]


def test_an_annotation_that_cannot_be_resolved_is_logged_and_the_others_count(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def half(first: Unknown, due: date) -> None: ...  # pyright: ignore[reportUnknownParameterType]

    for _ in range(2):
        assert converted(half, ["x", "2026-05-01"]) == ["x", date(2026, 5, 1)]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "'first' of " in record.getMessage()


def test_classes_of_the_scope_around_a_function_are_found() -> None:
    @dataclass
    class Local:
        due: date

    def inner(local: Local) -> type[Local]:
        return Local

    assert converted(inner, [{"due": "2026-05-01"}]) == [Local(date(2026, 5, 1))]
