"""Values without a plain form, and keys that are no text."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pydantic
import pytest

from durable_workflow import activity, serializer, workflow
from durable_workflow._wire import keys
from durable_workflow.external_storage import LocalFilesystemExternalStorage
from durable_workflow.serializer._plain import beside_its_envelope


@dataclass
class Item:
    due: Any


@dataclass
class Order:
    items: list[Any]


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    value: Any


class Struct(msgspec.Struct):
    value: Any


class Widget:
    pass


@activity.defn(name="plan")
def plan(first: int, order: Order) -> None: ...


@workflow.defn(name="planning")
class Planning:
    def run(self, ctx: Any, order: Order) -> None: ...


BAD = Order([Item(1), Item(1), Item(1), Item(Widget())])


@pytest.mark.parametrize("codec", ["json", "avro"])
@pytest.mark.parametrize(
    ("context", "value", "named"),
    [
        ({"kind": "activity_input", "activity_name": "plan"}, [1, BAD], "order.items[3].due"),
        ({"kind": "activity_input", "activity_name": "unknown"}, [1, BAD], "arguments[1].items"),
        ({"kind": "workflow_input", "workflow_type": "planning"}, [BAD], "order.items[3].due"),
        ({"kind": "signal", "signal_name": "plan"}, [BAD], "arguments[0].items[3].due"),
        ({"kind": "activity_result", "activity_name": "plan"}, BAD, "result.items[3].due"),
    ],
)
def test_the_error_names_the_owner_the_place_and_the_ways_out(
    context: dict[str, str], value: Any, named: str, codec: str
) -> None:
    encodings: list[Callable[[], object]] = [
        lambda: serializer.encode(value, codec, warning_context=context),
        lambda: serializer.envelope_many([1, value], codec, warning_context=[None, context]),
        lambda: serializer.encode_many([1, value], codec, warning_context=context),
    ]
    for encode in encodings:
        with pytest.raises(TypeError) as raised:
            encode()
        text = str(raised.value)
        assert text.startswith(context["kind"].replace("_", " "))
        assert repr(list(context.values())[1]) in text
        assert f"a value of type Widget cannot be encoded at {named}" in text
        assert "convert it to plain values" in text


@pytest.mark.parametrize("value", [Widget(), {1j: 1}, {(1,): 2}, {date(2026, 1, 1): {Widget()}}])
def test_without_a_context_the_value_itself_is_named(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot be"):
        serializer.encode(value)


@pytest.mark.parametrize("model", [Model(value=Widget()), Struct(Widget())])
def test_a_model_that_holds_something_foreign_is_a_type_error(model: Any) -> None:
    with pytest.raises(TypeError, match=r"cannot be encoded.* at \[0\]"):
        serializer.encode([model])


def test_one_set_has_one_form() -> None:
    numbers = {f"{number}" for number in range(50)}
    assert serializer.decode(serializer.encode(numbers), "avro") == sorted(numbers)


def test_keys_take_their_plain_form() -> None:
    value = {date(2026, 1, 1): b"x", "a": 1}
    assert serializer.encode(value, "json") == '{"2026-01-01":"eA==","a":1}'
    with pytest.raises(ValueError, match="are the same key in JSON"):
        serializer.encode({1: b"x", "1": b"y"}, "json")


def test_integer_keys_become_text_with_one_warning_a_place(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "_warned", set[str]())
    value = {"orders": [{"lines": {7: "a"}}, {"lines": {8: "b"}}]}
    for codec in ("json", "avro"):
        decoded = serializer.decode(serializer.encode(value, codec), codec)
        assert decoded == {"orders": [{"lines": {"7": "a"}}, {"lines": {"8": "b"}}]}
    (record,) = caplog.records
    assert (record.levelno, record.name) == (logging.WARNING, "durable_workflow.serializer")
    assert "orders[0].lines has the integer key 7" in record.getMessage()


@pytest.mark.parametrize(
    ("characters", "kept_elsewhere", "goes_along"),
    [
        (300_000, False, True),
        (500_000, False, False),
        (700_000, True, True),
        (1_100_000, True, False),
    ],
)
def test_a_copy_of_a_large_value_does_not_go_along_with_its_envelope(
    tmp_path: Path, characters: int, kept_elsewhere: bool, goes_along: bool
) -> None:
    value = {"due": [date(2026, 1, 2)], "text": "x" * characters}
    envelope: Mapping[str, Any] = serializer.envelope(value)
    if kept_elsewhere:
        envelope = serializer.external_storage_envelope(
            value, external_storage=LocalFilesystemExternalStorage(tmp_path), threshold_bytes=1
        )
    copy = {"due": ["2026-01-02"], "text": "x" * characters}
    assert beside_its_envelope(value, envelope) == (copy if goes_along else None)


LOOP: dict[str, Any] = {"a": []}
LOOP["a"].append(LOOP)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([{"a": [1, float("nan")]}], "nan is not JSON compliant: .* at order.a[1]"),
        ([Order([Item(float("-inf"))])], "-inf is not JSON compliant: .* at order.items[0].due"),
        ([{"a": "x\udc80"}], "text cannot be encoded: .*: surrogates not allowed at order.a"),
        ([{"é\udc80": 1}], "text cannot be encoded: .* at order"),
        ([{float("nan"): 1}], "nan is not JSON compliant: .* at order"),
        ([1, LOOP], "Circular reference detected: the value contains itself at arguments[1].a[0]"),
    ],
)
@pytest.mark.parametrize("codec", ["avro", "json"])
def test_what_json_cannot_carry_is_named_with_its_place(
    value: Any, problem: str, codec: str
) -> None:
    @activity.defn(name="plain-faults")
    def take(order: Any) -> None: ...

    labels = {"kind": "activity_input", "activity_name": "plain-faults"}
    with pytest.raises(ValueError, match="activity input of activity 'plain-faults': ") as refused:
        serializer.encode_many([1, value], codec, warning_context=labels)
    assert re.search(f"{re.escape(problem).replace(re.escape('.*'), '.*')}$", str(refused.value))
    assert type(refused.value) is ValueError


def test_what_json_cannot_carry_is_named_without_a_context_too() -> None:
    with pytest.raises(ValueError, match=r"^nan is not JSON compliant: .* at \[0\].a$"):
        serializer.encode([{"a": float("nan")}])
    with pytest.raises(ValueError, match=r"no infinity$"):
        serializer.encode(float("inf"))
