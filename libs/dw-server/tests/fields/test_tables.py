"""A structure is the table of its fields, and one reader reads all tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
import pytest

from durable_workflow.server import requests
from durable_workflow.server.fields import (
    Beside,
    Inside,
    Kind,
    Listed,
    Reading,
    Say,
    Table,
    Text,
    Together,
    Whole,
    table_of,
    texts,
)


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    task_id: Annotated[str, Beside()]
    attempt: Annotated[int, Whole(name="task_attempt")]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    n: Annotated[int, Whole()]
    labels: Annotated[list[str], texts(most=3)] = []


class Known(Kind, frozen=True, kw_only=True):
    gives = (str,)
    null_counts = True

    def read(self, value: Any, at: str, reading: Reading) -> str:
        return str(value)


class Thing(msgspec.Struct, frozen=True, kw_only=True):
    owner: Annotated[Owner, Together(into=Owner)]
    name: Annotated[str, Text()]
    part: Annotated[Part | None, Inside(into=Part)] = None
    parts: Annotated[list[Part], Listed(each=Inside(into=Part))] = []
    least: Annotated[int, Whole()] = 0
    most: Annotated[int, Whole()] = 9
    known: Annotated[str | msgspec.UnsetType | None, Known()] = msgspec.UNSET

    unsupported: ClassVar[dict[str, str]] = {"size": "is not supported; use most."}

    @staticmethod
    def check(values: Mapping[str, Any], say: Say) -> None:
        if values.get("least", 0) > values.get("most", 9):
            say("least", "must not be greater than most.")


def read(**document: Any) -> tuple[Thing | None, list[str]]:
    reading = Reading()
    thing = table_of(Thing).read(document, reading, names={"task_id": "t"})
    return thing, list(reading.errors)


def test_what_fits_is_read_into_the_structure() -> None:
    thing, errors = read(
        name=" n ",
        task_attempt="2",
        part={"n": 1},
        parts=[{"n": "1"}, {"n": 2, "labels": ["a"]}],
        other="ignored",
    )

    assert errors == []
    assert thing == Thing(
        owner=Owner(task_id="t", attempt=2),
        name="n",
        part=Part(n=1),
        parts=[Part(n=1), Part(n=2, labels=["a"])],
    )


def test_everything_that_is_wrong_is_said_at_once_under_its_path() -> None:
    thing, errors = read(
        part={"n": "x", "labels": ["a", 5]}, parts=[5, {}], least=5, most=3, size=None
    )

    assert thing is None
    assert errors == [
        "task_attempt",
        "name",
        "part.n",
        "part.labels.1",
        "parts.0",
        "parts.1.n",
        "size",
        "least",
    ]


class Parted(msgspec.Struct):
    part: Annotated[Part, Inside(into=Part)]


def test_an_object_that_does_not_fit_is_not_called_missing() -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "part"),
        ({"part": 5}, "part"),
        ({"part": {}}, "part.n"),
    ]
    for document, field in cases:
        reading = Reading()
        assert Table(Parted).read(document, reading) is None
        assert list(reading.errors) == [field]


def test_null_is_absent_but_where_it_counts() -> None:
    absent, _ = read(name="n", task_attempt=1, most=None)
    null, _ = read(name="n", task_attempt=1, known=None)

    assert absent is not None
    assert null is not None
    assert (absent.most, absent.known, null.known) == (9, msgspec.UNSET, None)


class Kindless(msgspec.Struct):
    name: str


class Mistyped(msgspec.Struct):
    name: Annotated[str, Whole()]


@pytest.mark.parametrize("wrong", [Kindless, Mistyped])
def test_a_structure_whose_fields_have_no_kind_of_their_type_is_refused(wrong: type[Any]) -> None:
    with pytest.raises(TypeError, match=f"{wrong.__name__}.name"):
        Table(wrong)


# What the server makes itself.
NO_REQUESTS = ("Bridged", "Caller", "Forwarded", "Payload")


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in requests.__all__
        if name not in NO_REQUESTS and isinstance(getattr(requests, name), type)
    ],
)
def test_every_request_is_a_table(name: str) -> None:
    assert table_of(getattr(requests, name)).rows
