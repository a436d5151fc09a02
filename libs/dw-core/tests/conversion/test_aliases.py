"""Type aliases, models with aliases, and members of enums as keys and in literals."""

import enum
import sys
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, NewType, TypeVar

import pydantic
import pytest
from typing_extensions import TypeAliasType

from durable_workflow import serializer
from durable_workflow._conversion import converted
from durable_workflow._conversion.annotations import converter_for
from durable_workflow.errors import ArgumentMismatch

DUE = date(2026, 5, 1)
T = TypeVar("T")

Due = TypeAliasType("Due", date)
Many = TypeAliasType("Many", list[T] | None, type_params=(T,))
Number = TypeAliasType("Number", int | None)
Name = NewType("Name", str)
Amount = NewType("Amount", float)
Word = TypeAliasType("Word", str)
Words = TypeAliasType("Words", list[Word])
Listed = TypeAliasType("Listed", list[T], type_params=(T,))
UNHASHABLE: Any = Annotated[int, []]


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Holiday(enum.Enum):
    MAY = DUE


class Kind(enum.Enum):
    CARD = "card"
    CASH = "cash"


@dataclass
class Card:
    kind: Literal[Kind.CARD]
    due: date


class Inner(pydantic.BaseModel):
    paid_on: date = pydantic.Field(alias="paidOn")


class Payment(pydantic.BaseModel):
    order_id: int = pydantic.Field(alias="orderId")
    inner: Inner


def aliased(annotation: Any) -> Any:
    """A new alias, which need not have a name."""
    kind: Any = TypeAliasType
    return kind("Alias", annotation)


def sent(annotation: Any, value: Any) -> Any:
    """A value as a function with an annotation gets it."""

    def function(argument: Any) -> None: ...

    function.__annotations__["argument"] = annotation
    wire = serializer.decode(serializer.encode([value]), serializer.AVRO_CODEC)
    [argument] = converted(function, wire)
    return argument


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Due, DUE),
        (Many[date], [DUE]),
        (Many[date], None),
        (list[Many[Due]], [[DUE], None]),
        (Number | date, DUE),
        (Number | date, 5),
        (Number | date, None),
        (Name | list[date], "text"),
        (Amount | date, 5),
        (Amount | date, 5.5),
        (float | date, 5),
        (float | date, DUE),
        (Literal["a", 1] | date, 1),
        (Literal["a", None] | date, None),
        (Listed[UNHASHABLE], ["5"]),
        (dict[Level, date], {Level.HIGH: DUE}),
        (dict[Holiday, int], {Holiday.MAY: 1}),
        (dict[Kind, Level], {Kind.CASH: Level.LOW}),
        (Literal[Kind.CARD, 7], Kind.CARD),
        (Literal[Kind.CARD, 7], 7),
        (Literal[Level.LOW], Level.LOW),
        (Literal[Kind.CARD] | date, DUE),
        (Card, Card(Kind.CARD, DUE)),
        (Payment, Payment(orderId=1, inner=Inner(paidOn=DUE))),
    ],
    ids=repr,
)
def test_values_come_as_they_were_sent(annotation: Any, value: Any) -> None:
    found = sent(annotation, value)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "annotation",
    [
        Words,
        list[Words],
        aliased(dict[Word, int]),
        aliased(float | dict[Word, float]),
        aliased(dict[str, Words] | Words | None),
        Listed[Listed[str]],
    ],
    ids=str,
)
def test_aliases_in_aliases_of_plain_json_are_not_checked(annotation: Any) -> None:
    assert converter_for(annotation) is None


@pytest.mark.parametrize("leaf", [DUE, "text"], ids=["rich", "plain"])
def test_aliases_that_name_others_twice_are_read_once(leaf: Any) -> None:
    """To read each where it stands would take two to the power of 60 steps."""
    lists: Any = list
    mappings: Any = dict
    chain = aliased(type(leaf))
    value = leaf
    for _ in range(60):
        either = lists[chain] | mappings[str, chain]
        chain, value = aliased(either), [value]
    assert (converter_for(chain) is None) == (leaf == "text")
    assert sent(chain, value) == value


def test_models_take_their_aliases_too() -> None:
    given = {"orderId": 1, "inner": {"paidOn": "2026-05-01"}}
    assert sent(Payment, given) == Payment(orderId=1, inner=Inner(paidOn=DUE))


def test_a_literal_has_the_members_that_it_names() -> None:
    with pytest.raises(ArgumentMismatch, match="one of the values of a literal type"):
        sent(Literal[Kind.CARD], "cash")
    assert sent(Literal["card"], "cash") == "cash"  # plain JSON, which is not checked


if sys.version_info >= (3, 12):  # the syntax came with it
    _ALIASES = """
type Json = dict[str, Json] | list[Json] | str | None
type Dates = dict[str, Dates] | list[Dates] | date
type Tree[T] = dict[str, Tree[T]] | T
type Deeper[T] = dict[str, Deeper[list[T]]] | T
type One = list[Other] | str
type Other = dict[str, One] | date
type Outer = list[First] | dict[str, Second]
type First = list[Second] | date
type Second = dict[str, First] | None

class Node(TypedDict):
    next: "Mixed"

type Mixed = Node | date
"""
    SPACE: dict[str, Any] = {"__name__": __name__, "date": date}
    exec("from typing import TypedDict" + _ALIASES, SPACE)
    SPACE["Node"].__annotations__["next"] = SPACE["Mixed"]

    @pytest.mark.parametrize(
        ("annotation", "value"),
        [
            ("Json", {"a": ["b", {"c": None}]}),
            ("Json", 1.5),
            ("Dates", {"a": [DUE, {"b": DUE}]}),
            ("Tree", {"a": {"b": DUE}}),
            ("Deeper", {"a": {"b": [[DUE]]}}),
            ("One", [{"a": [DUE]}, DUE]),
            ("Other", {"a": [DUE, {"b": "text"}]}),
            ("Mixed", {"next": {"next": DUE}}),
            ("Outer", [DUE, [{"a": DUE}]]),
            ("Outer", {"a": {"b": DUE, "c": [{"d": DUE}]}}),
            ("First", [{"a": [None, {"b": DUE}]}]),
        ],
    )
    def test_aliases_may_hold_themselves(annotation: str, value: Any) -> None:
        alias = SPACE[annotation]
        assert sent(alias[date] if alias.__type_params__ else alias, value) == value

    def test_an_alias_of_plain_json_leaves_values_alone() -> None:
        alias = SPACE["Json"]
        assert [converter_for(each) for each in (alias, list[alias], alias | int)] == [None] * 3
