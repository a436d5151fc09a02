# pyright: reportUnknownMemberType=false, reportUnknownLambdaType=false, reportUnknownArgumentType=false

from typing import Any

import pytest

from durable_workflow._reading import ContractError, Section


class Wrong(ContractError):
    """What these sections raise."""


@pytest.fixture
def section() -> Any:
    return Section({"a": {"text": "x", "empty": "", "n": 3, "list": ["p"], "no": None}}, "", Wrong)


def test_members_are_read_with_their_types(section: Any) -> None:
    inner = section.section("a")
    assert inner.text("text") == "x"
    assert inner.string("empty") == ""
    assert inner.nullable_text("no") is None
    assert inner.nullable_object("no") is None
    assert inner.integer("n", minimum=3) == 3
    assert inner.texts("list", containing=["p"]) == ("p",)
    assert inner.one_of("text", ["x", "y"]) == "x"
    assert section.nullable_object("a") == section.members["a"]


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda inner: inner.text("empty"), "a.empty must be a non-empty string"),
        (lambda inner: inner.text("gone"), "a.gone must be a non-empty string"),
        (lambda inner: inner.string("n"), "a.n must be a string"),
        (lambda inner: inner.nullable_text("gone"), "a.gone must be present"),
        (lambda inner: inner.nullable_text("n"), "a.n must be a string or null"),
        (lambda inner: inner.nullable_object("n"), "a.n must be an object"),
        (lambda inner: inner.integer("n", minimum=4), "a.n must be an integer of at least 4"),
        (lambda inner: inner.texts("list", containing=["q"]), "a.list must be an array that"),
        (lambda inner: inner.one_of("text", ["y", "z"]), "a.text must be one of y, z"),
        (lambda inner: inner.flag("n"), "a.n must be a boolean"),
        (lambda inner: inner.pinned("text", 1), "a.text must be 1"),
        (lambda inner: inner.section("list"), "a.list must be an object"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(section: Any, read: Any, message: Any) -> None:
    with pytest.raises(Wrong) as caught:
        read(section.section("a"))
    assert str(caught.value).startswith(message)
