"""Bytes that other SDKs and servers rely on."""

from typing import Any

import pytest

from durable_workflow import serializer

pytestmark = pytest.mark.usefixtures("avro_runtime")

AVRO: list[tuple[Any, str]] = [
    (None, "AAhudWxsAg=="),
    (True, "AAh0cnVlAg=="),
    (False, "AApmYWxzZQI="),
    (0, "AAIwAg=="),
    (1, "AAIxAg=="),
    (42, "AAQ0MgI="),
    (-1, "AAQtMQI="),
    (1.5, "AAYxLjUC"),
    (1e21, "AAoxZSsyMQI="),
    (2**63, "ACY5MjIzMzcyMDM2ODU0Nzc1ODA4Ag=="),
    ("", "AAQiIgI="),
    ("é", "AAgiw6kiAg=="),
    ("hello", "AA4iaGVsbG8iAg=="),
    ("héllo ☃", "ABgiaMOpbGxvIOKYgyIC"),
    ([], "AARbXQI="),
    (["Ada"], "AA5bIkFkYSJdAg=="),
    ([1, "a"], "AA5bMSwiYSJdAg=="),
    (["hello", 42, True, None], "ACxbImhlbGxvIiw0Mix0cnVlLG51bGxdAg=="),
    ({}, "AAR7fQI="),
    ({"b": 1, "a": [{"x": None}]}, "ADB7ImIiOjEsImEiOlt7IngiOm51bGx9XX0C"),
    (
        {"greeting": "Hello, world!", "length": 13},
        "AFB7ImdyZWV0aW5nIjoiSGVsbG8sIHdvcmxkISIsImxlbmd0aCI6MTN9Ag==",
    ),
]


@pytest.mark.parametrize(("value", "blob"), AVRO)
def test_avro_blobs_are_byte_exact(value: Any, blob: Any) -> None:
    assert serializer.encode(value) == blob
    assert serializer.encode_many([value]) == [blob]
    assert serializer.decode(blob, "avro") == value
    assert serializer.decode_many([blob], "avro") == [value]


def test_a_length_of_two_bytes() -> None:
    blob = serializer.encode("x" * 64)
    assert blob.startswith("AIQBInh4")
    assert blob.endswith("eHgiAg==")
    assert serializer.decode(blob, "avro") == "x" * 64


JSON: list[tuple[Any, str]] = [
    (None, "null"),
    ({"b": 1, "a": ["é", 1.0, 1e21]}, '{"b":1,"a":["é",1.0,1e+21]}'),
    ((1, 2), "[1,2]"),
    ({1: "a", None: "c", 1.5: "d"}, '{"1":"a","null":"c","1.5":"d"}'),
    ({True: "a", False: "b"}, '{"true":"a","false":"b"}'),
]


@pytest.mark.parametrize(("value", "text"), JSON)
def test_json_is_written_byte_for_byte_as_published(value: Any, text: Any) -> None:
    assert serializer.encode(value, "json") == text


def test_version_and_trailing_bytes_are_ignored(avro_runtime: Any) -> None:
    assert serializer.decode("AAI3Ag==", "avro") == 7
    assert serializer.decode("AAI3Dg==", "avro") == 7  # version 7
    assert serializer.decode("AAI3Av//", "avro") == 7  # two more bytes
