"""Type variables of generic classes stand for what they stand for in the class that wrote them."""

# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import (
    TYPE_CHECKING,
    Any,
    Generic,
    NamedTuple,
    NotRequired,
    ParamSpec,
    Protocol,
    TypedDict,
    TypeVar,
    TypeVarTuple,
)

import msgspec
import pydantic
import pytest

from durable_workflow._conversion.annotations import converter_for
from durable_workflow._conversion.hints import hints_of_class
from durable_workflow._conversion.records import record
from durable_workflow.errors import ArgumentMismatch

if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found] # pyright: ignore[reportMissingImports]

T = TypeVar("T")
U = TypeVar("U")
Ts = TypeVarTuple("Ts")
P = ParamSpec("P")


@dataclass
class Item:
    due: date


DUE = {"due": "2026-05-01"}
ITEM = Item(date(2026, 5, 1))


def read(annotation: Any, value: Any) -> Any:
    converter = converter_for(annotation)
    return value if converter is None else converter(value)


class Proto(Protocol[T]):
    def same(self, value: T) -> T:
        return value


@dataclass
class Impl(Proto[Item], Generic[T]):
    v: T


class Repo(Generic[T]):
    pass


@dataclass
class Envelope(Generic[T]):
    body: T


@dataclass
class OrderEvent(Repo[Item], Envelope):  # type: ignore[type-arg] # pyright: ignore[reportMissingTypeArgument]
    pass


@dataclass
class Base(Generic[T]):
    value: T


@dataclass
class Derived(Base[Item], Generic[T]):
    extra: T


@dataclass
class Renamed(Base[list[U]], Generic[U, T]):
    extra: T


@dataclass
class Lowest(Renamed[T, date]):
    last: T | None = None


@dataclass
class Unclear(Base):  # type: ignore[type-arg] # pyright: ignore[reportMissingTypeArgument]
    pass


@dataclass
class BelowUnclear(Unclear, Generic[T]):
    extra: T


@dataclass
class Left(Base[T]):
    pass


@dataclass
class Right(Base[T]):
    value: list[T]  # type: ignore[assignment] # pyright: ignore[reportIncompatibleVariableOverride]


@dataclass
class Diamond(Left[list[Item]], Right[Item]):  # pyright: ignore[reportGeneralTypeIssues]
    pass


@dataclass
class Torn(Left[Item], Repo[date], Base):  # type: ignore[type-arg] # pyright: ignore[reportMissingTypeArgument]
    pass


@dataclass
class Overriding(Base[date], Generic[T]):
    value: T  # type: ignore[assignment] # pyright: ignore[reportIncompatibleVariableOverride]


@dataclass
class Many(Generic[*Ts, T]):
    last: T


@dataclass
class Called(Generic[P, T]):
    last: T


class Keyed(TypedDict, Generic[T]):
    key: T


class KeyedItem(Keyed[Item], Generic[T]):
    extra: T


class KeyedLowest(KeyedItem[T]):
    last: NotRequired[list[T]]


class Cell(NamedTuple, Generic[T]):
    at: date
    value: T


class Wrapped(Cell[Item]):
    pass


@pytest.mark.parametrize(
    ("annotation", "given", "wanted"),
    [
        (Impl, {"v": 3}, Impl(3)),
        (Impl[date], {"v": "2026-05-01"}, Impl(date(2026, 5, 1))),
        (OrderEvent, {"body": "text"}, OrderEvent("text")),
        (Derived, {"value": DUE, "extra": 5}, Derived(ITEM, 5)),
        (Derived[Item], {"value": DUE, "extra": DUE}, Derived(ITEM, ITEM)),
        (Lowest[Item], {"value": [DUE], "extra": "2026-05-01"}, Lowest([ITEM], date(2026, 5, 1))),
        (
            Lowest[Item],
            {"value": [], "extra": "2026-05-01", "last": DUE},
            Lowest([], date(2026, 5, 1), ITEM),
        ),
        (Lowest, {"value": [DUE], "extra": "2026-05-01"}, Lowest([DUE], date(2026, 5, 1))),
        (BelowUnclear[Item], {"value": "x", "extra": DUE}, BelowUnclear("x", ITEM)),
        (BelowUnclear, {"value": "x", "extra": 1}, BelowUnclear("x", 1)),
        (Diamond, {"value": [DUE]}, Diamond([ITEM])),
        (Torn, {"value": "x"}, Torn("x")),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        (Overriding[Item], {"value": DUE}, Overriding(ITEM)),
        (Overriding, {"value": 1}, Overriding(1)),
        (Many[int, Item, date], {"last": "x"}, Many("x")),
        (Many[int, Item], {"last": 1}, Many(1)),
        (Called[[int], Item], {"last": 1}, Called(1)),
        (Keyed, {"key": 1}, {"key": 1}),
        (Keyed[Keyed[int]], {"key": "no object"}, {"key": "no object"}),
        (Keyed[Keyed[date]], {"key": {"key": "2026-05-01"}}, {"key": {"key": date(2026, 5, 1)}}),
        (KeyedItem, {"key": DUE, "extra": 1}, {"key": ITEM, "extra": 1}),
        (KeyedItem[date], {"key": DUE, "extra": "2026-05-01"}, {"key": ITEM, "extra": ITEM.due}),
        (KeyedLowest[Item], {"key": DUE, "last": [DUE]}, {"key": ITEM, "last": [ITEM]}),
        (Cell[Item], ["2026-05-01", DUE], Cell(ITEM.due, ITEM)),
        (Cell, ["2026-05-01", 3], Cell(ITEM.due, 3)),
        (Wrapped, ["2026-05-01", DUE], Wrapped(ITEM.due, ITEM)),
    ],
    ids=repr,
)
def test_a_variable_means_what_it_stands_for_in_the_class_that_wrote_it(
    annotation: Any, given: Any, wanted: Any
) -> None:
    found = read(annotation, given)
    assert found == wanted
    assert type(found) is type(wanted)


if sys.version_info >= (3, 12):  # the syntax came with it
    _NEWER = """
@dataclass
class NewBase[T]:
    value: T

@dataclass
class New[T](NewBase[Item]):
    extra: list[T]
"""

    def test_variables_of_the_newer_syntax_are_followed() -> None:
        space: dict[str, Any] = {"dataclass": dataclass, "Item": Item, "__name__": __name__}
        exec(compile(_NEWER, "new", "exec", dont_inherit=True), space)
        new = space["New"]
        assert read(new, {"value": DUE, "extra": [1]}) == new(ITEM, [1])
        assert read(new[Item], {"value": DUE, "extra": [DUE]}) == new(ITEM, [ITEM])


def test_a_class_without_variables_has_its_hints_as_they_are_written() -> None:
    assert hints_of_class(Item) is hints_of_class(Item)


if TYPE_CHECKING:  # type checkers do not come to an end with it
    Nest: Any = dict
else:

    class Nest(TypedDict, Generic[T]):
        value: T
        deeper: NotRequired[Nest[list[T]]]


class Tree(TypedDict):
    due: NotRequired[date]
    parts: NotRequired[list[Tree]]


def test_a_typed_dict_that_holds_itself_is_read_as_far_as_there_are_values() -> None:
    given = {"value": DUE, "deeper": {"value": [DUE], "deeper": {"value": [[DUE]]}}}
    wanted = {"value": ITEM, "deeper": {"value": [ITEM], "deeper": {"value": [[ITEM]]}}}
    assert read(Nest[Item], given) == wanted
    assert read(Tree, {"parts": [{"parts": [DUE]}]}) == {"parts": [{"parts": [{"due": ITEM.due}]}]}


class First(msgspec.Struct):
    a: int


class Second(msgspec.Struct):
    b: int


class Model(pydantic.BaseModel):
    at: date


class Foreign:
    pass


class Slot(msgspec.Struct, Generic[T]):
    item: T
    number: int = 0


@pytest.mark.parametrize(
    ("annotation", "item", "wanted"),
    [
        (Slot[First], {"a": 1}, First(1)),
        (Slot[First | Second], {"a": 1}, {"a": 1}),
        (Slot[Model], {"at": "2026-05-01"}, Model(at=date(2026, 5, 1))),
        (Slot[list[Model]], [{"at": "2026-05-01"}], [Model(at=date(2026, 5, 1))]),
        (Slot[Foreign], {"a": 1}, {"a": 1}),
        (Slot[dict[str, Foreign]], {"a": 1}, {"a": 1}),
        (Slot[Decimal], "1.5", Decimal("1.5")),
    ],
    ids=repr,
)
def test_a_generic_struct_has_plain_members_where_msgspec_cannot_read_them(
    annotation: Any, item: Any, wanted: Any
) -> None:
    assert read(annotation, {"item": item, "number": 1}) == Slot(wanted, 1)


@pytest.mark.parametrize(
    ("annotation", "item", "path"),
    [(Slot[First], {"a": "x"}, "item.a"), (Slot[Model], {"at": "x"}, "item")],
)
def test_a_generic_struct_names_the_place_that_does_not_fit(
    annotation: Any, item: Any, path: str
) -> None:
    with pytest.raises(ArgumentMismatch) as raised:
        read(annotation, {"item": item})
    assert raised.value.path == path


def test_the_members_of_a_named_tuple_are_found_all_or_none() -> None:
    given = ["2026-05-01", "2026-05-02"]
    wanted = Dates(date(2026, 5, 1), date(2026, 5, 2))
    meanwhile: list[Any] = []

    def find(annotation: Any) -> Any:
        asked.append(annotation)
        if len(asked) == 2:  # as another thread would, while the second member is looked for
            meanwhile.append(converter(given))
        return converter_for(annotation)

    asked: list[Any] = []
    converter: Any = record(Dates, Dates, find)
    assert converter(given) == wanted
    assert meanwhile == [wanted]


class Dates(NamedTuple):
    first: date
    second: date


reading = threading.Event()
asking = threading.Event()


def slow_date() -> type[date]:
    reading.set()
    assert asking.wait(30)
    return date


class Slow(TypedDict):
    first: slow_date()  # type: ignore[valid-type] # pyright: ignore[reportInvalidTypeForm]


def test_two_threads_may_need_the_same_class_at_once() -> None:
    def second() -> Any:
        assert reading.wait(30)
        asking.set()
        return read(Slow, {"first": "2026-05-01"})

    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(read, Slow, {"first": "2026-05-01"})
        other = pool.submit(second)
        assert one.result() == other.result() == {"first": date(2026, 5, 1)}


@dataclass
class Event:
    id: int


class Half(TypedDict):
    due: date
    unknown: NotRequired[Unknown]  # pyright: ignore[reportUnknownVariableType]


class OtherHalf(TypedDict, Generic[T]):
    when: T
    nothing: NotRequired[Unknown]  # pyright: ignore[reportUnknownVariableType]


def test_a_union_takes_typed_dicts_with_annotations_that_cannot_be_resolved(
    caplog: pytest.LogCaptureFixture,
) -> None:
    union = Event | Half | OtherHalf[date]  # pyright: ignore[reportUnknownVariableType]
    for _ in range(2):
        given = {"due": "2026-05-01", "unknown": 1}
        assert read(union, given) == {"due": date(2026, 5, 1), "unknown": 1}
        assert read(union, {"when": "2026-05-01"}) == {"when": date(2026, 5, 1)}
        assert read(union, {"id": 1}) == Event(1)
    named = sorted(text.split(" cannot")[0] for text in caplog.messages)
    assert named == [
        "the annotation of 'nothing' of OtherHalf",
        "the annotation of 'unknown' of Half",
    ]
