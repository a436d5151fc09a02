import base64
import binascii
import contextlib
import io
import json
import math
import struct
from pathlib import Path
from typing import Any

import avro.io
import avro.schema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_workflow import serializer
from durable_workflow.serializer import _avro_value

VALUES = {
    "null": None,
    "boolean_false": False,
    "boolean_true": True,
    "long_min": -(2**63),
    "long_max": 2**63 - 1,
    "long_7": 7,
    "double_7": 7.0,
    "negative_zero": -0.0,
    "bytes_00ff": b"\x00\xff",
    "string_utf8": "héllo",
    "array": [None, True, 7, 7.0, b"\x00\xff", "text"],
    "map_empty": {},
    "map_key_0": {"0": "zero"},
    "map_keys_0_1": {"0": "zero", "1": "one"},
    "map": {"a": 1, "b": [False]},
    "nested": {"items": [{"enabled": True}, b"bytes", -2.5]},
}


@pytest.fixture(scope="module")
def golden(spec_data: Path) -> Any:
    return json.loads((spec_data / "avro-value-v1-golden.json").read_text())


def same(left: object, right: object) -> bool:
    """Equal, and of the same types: 7 is not 7.0, and 0.0 is not -0.0."""
    return repr(left) == repr(right)


FRAMES: list[tuple[Any, str]] = [
    (None, "wwHioz3/VYAiNwA="),
    (True, "wwHioz3/VYAiNwIB"),
    (-3, "wwHioz3/VYAiNwQF"),
    (2**40, "wwHioz3/VYAiNwSAgICAgEA="),
    (-0.5, "wwHioz3/VYAiNwYAAAAAAADgvw=="),
    (b"\x7f\x80", "wwHioz3/VYAiNwgEf4A="),
    ("naïve ✓", "wwHioz3/VYAiNwoUbmHDr3ZlIOKckw=="),
    ([1, "two", None, []], "wwHioz3/VYAiNwwIBAIKBnR3bwAMAAA="),
    (
        {"k": {"deep": [False, 2.0]}, "": b""},
        "wwHioz3/VYAiNw4EAmsOAghkZWVwDAQCAAYAAAAAAAAAQAAAAAgAAA==",
    ),
]
HEADER = bytes.fromhex("c301e2a33dff55802237")


@pytest.mark.parametrize(("value", "frame"), FRAMES)
def test_frames_are_read_and_written(value: Any, frame: str) -> None:
    assert same(serializer.decode(frame, "avro"), value)
    assert base64.b64encode(_avro_value.encode_frame(value)).decode() == frame


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (b"", "invalid_payload_framing"),
        (b"{}", "invalid_payload_framing"),
        (HEADER[:5], "invalid_payload_framing"),
        (HEADER, "invalid_payload_framing"),
        (HEADER + b"\x02", "invalid_payload_framing"),
        (HEADER + b"\x04\x80", "invalid_payload_framing"),
        (HEADER + b"\x06\x00\x00", "invalid_payload_framing"),
        (HEADER + b"\x08\x06ab", "invalid_payload_framing"),
        (HEADER + b"\x0a\x08ab", "invalid_payload_framing"),
        (HEADER + b"\x0a\x02\xfe", "invalid_payload_framing"),
        (HEADER + b"\x0c\x04\x00", "invalid_payload_framing"),
        (HEADER + b"\x0e\x02\x02k", "invalid_payload_framing"),
        (HEADER + b"\x12", "invalid_payload_framing"),
        (HEADER + b"\x02\x01\x01", "invalid_payload_framing"),
        (HEADER + b"\x06" + struct.pack("<d", math.nan), "invalid_payload_framing"),
        (HEADER + b"\x06" + struct.pack("<d", -math.inf), "invalid_payload_framing"),
        (b"\xc3\x01" + b"\x11" * 8 + b"\x00", "unsupported_payload_schema"),
    ],
)
def test_a_malformed_frame_is_refused_with_its_reason(frame: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}: "):
        _avro_value.decode_frame(frame)


def test_the_published_frames(golden: Any) -> None:
    for case in golden["cases"]:
        assert same(serializer.decode(case["wire_base64"], "avro"), VALUES[case["name"]])
        frame = base64.b64decode(case["wire_base64"])
        assert _avro_value.encode_frame(_avro_value.decode_frame(frame)) == frame, case["name"]
    for case in golden["alternate_map_orders"]:
        first, second = (serializer.decode(blob, "avro") for blob in case["wire_base64"])
        assert first == second
    assert len(golden["malformed_frames"]) == 18
    for case in golden["malformed_frames"]:
        with pytest.raises(ValueError, match=f"^{case['error']}: "):
            _avro_value.decode_frame(base64.b64decode(case["wire_base64"]))


def test_the_published_mixed_value_survives(spec_data: Path) -> None:
    document = json.loads((spec_data / "avro-value-benchmark-v1.json").read_text())["value"]
    value = {**document, "blob": base64.b64decode(document["blob"]["$avro_bytes"])}
    assert same(_avro_value.decode_frame(_avro_value.encode_frame(value)), value)


@pytest.mark.parametrize(
    ("blob", "value"),
    [
        ("wwHioz3/VYAiNwQC", 1),
        ("wwHioz3/VYAiNwYAAAAAAAD4Pw==", 1.5),
        ("wwHioz3/VYAiNwgCAA==", b"\x00"),
        ("wwHioz3/VYAiNwoEw6k=", "é"),
        ("wwHioz3/VYAiNwwEBAIKAmEA", [1, "a"]),
        ("wwHioz3/VYAiNw4CAmIEAgA=", {"b": 1}),
    ],
)
def test_blobs_of_later_servers(blob: Any, value: Any) -> None:
    assert same(serializer.decode(blob, "avro"), value)
    assert _avro_value.encode_frame(value) == base64.b64decode(blob)


def test_blocks_of_every_standard_shape_are_read() -> None:
    header = bytes.fromhex("c301e2a33dff55802237")
    items = bytes.fromhex("0402")  # long 1
    two_blocks = header + b"\x0c" + b"\x02" + items + b"\x02" + items + b"\x00"
    assert _avro_value.decode_frame(two_blocks) == [1, 1]
    sized = header + b"\x0c" + b"\x03" + b"\x08" + items * 2 + b"\x00"  # count -2, size 4
    assert _avro_value.decode_frame(sized) == [1, 1]
    sized_map = header + b"\x0e" + b"\x01" + b"\x08" + b"\x02a" + items + b"\x00"
    assert _avro_value.decode_frame(sized_map) == {"a": 1}


@pytest.mark.parametrize(
    "datum",
    ["04ffffffffffffffffff7f", "04ffffffffffffffffffffff01", "0202", "0801", "01", "0cfeffffff0f"],
)
def test_hostile_numbers_are_refused(datum: Any) -> None:
    frame = bytes.fromhex("c301e2a33dff55802237" + datum)
    with pytest.raises(ValueError, match=r"^invalid_payload_framing: "):
        _avro_value.decode_frame(frame)


def test_a_bottomless_frame_is_a_bad_payload() -> None:
    frame = bytes.fromhex("c301e2a33dff55802237") + b"\x0c\x02" * 100_000
    with pytest.raises(ValueError, match=r"^invalid_payload_framing: .*nested"):
        _avro_value.decode_frame(frame)


@pytest.mark.parametrize(
    ("value", "error", "reason"),
    [
        (2**63, ValueError, "integer_overflow"),
        (-(2**63) - 1, ValueError, "integer_overflow"),
        (math.nan, ValueError, "non_finite_float"),
        ([math.inf], ValueError, "non_finite_float"),
        ({1: "a"}, ValueError, "invalid_map_key"),
        ((1, 2), TypeError, "unsupported_value_type"),
        ({"a": {1}}, TypeError, "unsupported_value_type"),
    ],
)
def test_what_cannot_be_written(value: Any, error: Any, reason: Any) -> None:
    with pytest.raises(error, match=f"^{reason}"):
        _avro_value.encode_frame(value)


typed_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.binary()
    | st.text(alphabet=st.characters(exclude_categories=["Cs"])),
    lambda children: (
        st.lists(children)
        | st.dictionaries(st.text(alphabet=st.characters(exclude_categories=["Cs"])), children)
    ),
    max_leaves=20,
)


@given(typed_values)
def test_typed_values_come_back_with_their_types(value: Any) -> None:
    assert same(_avro_value.decode_frame(_avro_value.encode_frame(value)), value)


@given(value=typed_values)
def test_frames_are_what_the_published_schema_says(value: Any, spec_data: Path) -> None:
    schema = avro.schema.parse((spec_data / "durable_workflow.protocol.Value.v1.avsc").read_text())
    datum = io.BytesIO(_avro_value.encode_frame(value)[10:])
    read = avro.io.DatumReader(schema).read(avro.io.BinaryDecoder(datum))
    assert same(plain(read), value)
    assert not datum.read()


def plain(datum: Any) -> Any:
    """The value in a datum as the Apache package reads it."""
    branch = datum["value"]
    if branch is None:
        return None
    ((kind, value),) = branch.items()
    if kind == "items":
        return [plain(item) for item in value]
    if kind == "entries":
        return {key: plain(item) for key, item in value.items()}
    return value


@given(st.binary(max_size=60))
def test_no_frame_raises_anything_but_a_value_error(data: Any) -> None:
    with contextlib.suppress(ValueError):
        _avro_value.decode_frame(bytes.fromhex("c301e2a33dff55802237") + data)


def test_the_wrapper_is_what_is_written() -> None:
    assert binascii.a2b_base64(serializer.encode({"a": 1}))[:1] == b"\x00"
