from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_workflow import serializer
from durable_workflow.server.fields import Arguments, Envelope, Payload, Reading, Result

REFERENCE = {
    "schema": "durable-workflow.v2.external-payload-reference.v1",
    "uri": "s3://b/k",
    "sha256": "a" * 64,
    "size_bytes": 5,
    "codec": "avro",
}


def errors_of(value: Any) -> list[str]:
    reading = Reading()
    Arguments().read(value, "input", reading)
    return list(reading.errors)


def arguments_of(value: Any) -> Payload | None:
    reading = Reading()
    found: Payload | None = Arguments().read(value, "input", reading)
    assert not reading.errors
    return found


@pytest.mark.parametrize("value", [[], {}])
def test_no_arguments(value: Any) -> None:
    assert arguments_of(value) is None


def test_plain_input_is_encoded() -> None:
    assert arguments_of(["Ada"]) == Payload("avro", "AA5bIkFkYSJdAg==")
    assert arguments_of({"name": "Ada"}) == Payload("avro", "AA5bIkFkYSJdAg==")


@given(
    st.lists(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(max_size=5),
            lambda each: st.lists(each) | st.dictionaries(st.text(max_size=3), each),
            max_leaves=5,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_plain_input_is_what_workers_are_given(value: list[Any]) -> None:
    found = arguments_of(value)
    assert found is not None
    assert repr(serializer.decode(found.blob, found.codec)) == repr(value)


@pytest.mark.parametrize(
    "envelope",
    [
        {"codec": "avro", "blob": "AA5bIkFkYSJdAg=="},
        {"codec": "json", "blob": '["Ada"]'},
        {"codec": "avro", "blob": "wwHioz3/VYAiNwwMAAIBBA4GAAAAAAAAHEAIBAD/Cgh0ZXh0AA=="},
    ],
)
def test_an_envelope_is_kept_as_it_came(envelope: dict[str, str]) -> None:
    assert arguments_of(envelope) == Payload(envelope["codec"], envelope["blob"])


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("text", "input"),
        (5, "input"),
        (True, "input"),
        ({"codec": "nope", "blob": "x"}, "input.codec"),
        ({"codec": "", "blob": "x"}, "input.codec"),
        ({"codec": None, "blob": "x"}, "input.codec"),
        ({"codec": ["avro"], "blob": "x"}, "input.codec"),
        ({"codec": "avro", "blob": 5}, "input.blob"),
        ({"codec": "avro", "blob": ""}, "input.blob"),
        ({"codec": "avro", "blob": "!!! not base64"}, "input.blob"),
        ({"codec": "avro", "blob": serializer.encode({"not": "a list"})}, "input.blob"),
        ({"codec": "avro", "blob": serializer.encode(None)}, "input.blob"),
        ({"codec": "json", "blob": "[1"}, "input.blob"),
        ({"codec": "json", "blob": "[" * 100_000}, "input.blob"),
        ({"codec": "avro", "external_storage": 5}, "input.external_storage"),
        ({"codec": "avro", "external_storage": {}}, "input.external_storage"),
        ({"codec": "json", "external_storage": REFERENCE}, "input.external_storage.codec"),
        (
            {"codec": "avro", "external_storage": {**REFERENCE, "sha256": "x"}},
            "input.external_storage",
        ),
        (
            {"codec": "avro", "external_storage": {**REFERENCE, "size_bytes": -1}},
            "input.external_storage",
        ),
        (
            {"codec": "avro", "external_storage": {**REFERENCE, "expires_at": "soon"}},
            "input.external_storage",
        ),
        # What a lenient reader would take, and a worker would not.
        (
            {"codec": "avro", "external_storage": {**REFERENCE, "size_bytes": "3"}},
            "input.external_storage",
        ),
        (
            {"codec": "avro", "external_storage": {**REFERENCE, "sha256": f" {'a' * 64}"}},
            "input.external_storage",
        ),
        (
            {"codec": "avro", "external_storage": {**REFERENCE, "expires_at": "2026-01-01"}},
            "input.external_storage",
        ),
        (
            {"codec": "avro", "external_storage": {**REFERENCE, "uri": "s3://" + "x" * 2048}},
            "input.external_storage",
        ),
    ],
)
def test_what_does_not_fit_is_said_under_its_path(value: Any, field: str) -> None:
    assert errors_of(value)[0] == field


def test_a_reference_is_kept_as_it_came() -> None:
    envelope = {"codec": "avro", "external_storage": REFERENCE}

    assert arguments_of(envelope) == Payload("avro", None, REFERENCE)


@given(frame=st.binary(max_size=60))
def test_any_bytes_are_a_list_of_arguments_or_refused(frame: bytes) -> None:
    blob = base64.b64encode(frame).decode()
    found = errors_of({"codec": "avro", "blob": blob})

    assert found in ([], ["input.blob"])


def test_results_are_any_json_but_broken_envelopes() -> None:
    reading = Reading()
    for good in (5, "x", [1], {"a": 1}, {"codec": "avro", "blob": "AA5bIkFkYSJdAg=="}):
        assert Result().read(good, "result", reading) == good
    assert not reading.errors
    Result().read({"codec": "nope", "blob": "x"}, "result", reading)
    assert list(reading.errors) == ["result.codec"]


def test_a_bare_blob_is_in_the_codec_that_the_reader_knows() -> None:
    reading = Reading(codec="json")

    assert Envelope().read("[1]", "result", reading) == {"codec": "json", "blob": "[1]"}
    assert not reading.errors
    assert Envelope(bare=False).read("[1]", "result", reading) is None
    assert list(reading.errors) == ["result"]
