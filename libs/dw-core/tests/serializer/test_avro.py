# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownArgumentType=false

import binascii
import contextlib
import io
from typing import Any

import avro.io
import avro.schema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_workflow import serializer
from durable_workflow.errors import AvroNotInstalledError
from durable_workflow.serializer import _avro, _avro_runtimes

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_both_libraries_write_the_same_bytes_as_the_schema_says(text: Any) -> None:
    pytest.importorskip("fastavro", reason="fastavro, the extra `speed`, is not installed")
    apache, fast = _avro_runtimes.ApacheAvro(), _avro_runtimes.FastAvro()
    schema = avro.schema.parse(_avro_runtimes.SCHEMA_TEXT)
    buffer = io.BytesIO()
    avro.io.DatumWriter(schema).write({"json": text, "version": 1}, avro.io.BinaryEncoder(buffer))
    assert apache.write(text) == fast.write(text) == buffer.getvalue()
    assert apache.read(buffer.getvalue()) == fast.read(buffer.getvalue()) == text


@pytest.mark.parametrize("length", [0, 1, 62, 63, 64, 65, 127, 128, 8190, 8191, 8192, 70_000])
@pytest.mark.parametrize("letter", ["x", "\u00e9"])
def test_a_short_text_is_written_and_read_as_the_library_does(length: int, letter: str) -> None:
    library = _avro_runtimes.ApacheAvro()
    text = letter * length
    record = library.write(text)
    is_short = len(text.encode()) <= 8191
    assert _avro_runtimes.write_short(text) == (record if is_short else None)
    assert _avro_runtimes.read_short(record) == (text if is_short and text else None)


@given(st.binary(max_size=12) | st.binary(min_size=60, max_size=140))
def test_what_is_read_without_the_library_is_what_the_library_reads(record: bytes) -> None:
    text = _avro_runtimes.read_short(record)
    if text is not None:
        assert text == _avro_runtimes.ApacheAvro().read(record)


@given(json_values)
def test_values_come_back_as_they_went(value: Any) -> None:
    assert _avro.decode(_avro.encode(value)) == value
    assert serializer.decode(serializer.encode(value, "json"), "json") == value


@given(st.lists(json_values))
def test_a_batch_gives_what_single_calls_give(values: Any) -> None:
    blobs = [_avro.encode(value) for value in values]
    assert _avro.encode_many(values) == blobs
    assert _avro.decode_many(blobs) == values


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [1, {"x": float("-inf")}]])
@pytest.mark.parametrize("codec", ["json", "avro"])
def test_what_json_cannot_say_is_not_written(value: Any, codec: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        serializer.encode(value, codec)


@pytest.mark.parametrize("codec", ["json", "avro"])
@pytest.mark.parametrize("value", ["half a pair: \ud83d", ["é", {"\udcff": 1}]])
def test_text_that_utf8_cannot_carry_is_not_written(value: Any, codec: Any) -> None:
    with pytest.raises(ValueError, match="surrogates not allowed"):
        serializer.encode(value, codec)


@pytest.mark.parametrize("codec", ["json", "avro"])
@pytest.mark.parametrize("value", [object(), {("a",): 1}, 1j])
def test_what_has_no_plain_form_is_a_type_error(value: Any, codec: Any) -> None:
    with pytest.raises(TypeError):
        serializer.encode(value, codec)


@pytest.mark.parametrize("codec", ["json", "avro"])
def test_a_value_that_contains_itself_is_a_value_error(codec: Any) -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ValueError, match="Circular"):
        serializer.encode(loop, codec)


def test_tokens_that_are_never_written_are_read(avro_runtime: Any) -> None:
    text = "[NaN,Infinity,-Infinity]"
    nan, *infinities = serializer.decode(wrapper(text), "avro")
    assert nan != nan
    assert infinities == [float("inf"), float("-inf")]
    assert serializer.decode("[Infinity]", "json") == [float("inf")]


def wrapper(text: str) -> str:
    frame = b"\0" + _avro_runtimes.ApacheAvro().write(text)
    return binascii.b2a_base64(frame, newline=False).decode()


BAD = [
    ('{"a":1}', "looks like JSON"),
    (' ["a"]', "looks like JSON"),
    ('"text"', "looks like JSON"),
    ("123", "looks like JSON"),
    ("-1", "looks like JSON"),
    ("false", "looks like JSON"),
    ("null", "looks like JSON"),
    ("true", "looks like JSON"),
    ("1234", "looks like JSON"),
    ("!!", "not base64"),
    ("AAhudWxsAg=", "not base64"),
    ("AAhu dWxsAg==", "not base64"),
    ("AAhudWxsAg==\n", "not base64"),
    ("☃", "not base64"),
    ("AQAAAAA=", "typed Avro"),
    ("nnll", "unknown prefix 0x9e"),
    ("wwLi", "unknown prefix 0xc3"),
    ("AA==", r"generic wrapper of a payload: \w"),
    ("AAhudWw=", "generic wrapper"),
    ("AAhudWxs", r"generic wrapper of a payload: \w"),
    ("AP////8P", "generic wrapper"),
    ("AAIx", r"generic wrapper of a payload: \w"),
    ("AAL/Ag==", "generic wrapper"),
    ("AAJ7Ag==", "not valid JSON"),
    ("AAAC", "not valid JSON"),
]


@pytest.mark.parametrize(("blob", "diagnosis"), BAD)
def test_diagnostics(avro_runtime: Any, blob: Any, diagnosis: Any) -> None:
    with pytest.raises(ValueError, match=diagnosis):
        serializer.decode(blob, "avro")


def test_empty_bytes_are_diagnosed_where_the_codec_is_called_directly() -> None:
    with pytest.raises(ValueError, match="empty"):
        _avro.decode("")


@given(st.binary(max_size=40), st.sampled_from([b"", b"\0", b"\xc3\x01", b"\x01"]))
def test_no_bytes_raise_anything_but_a_value_error(data: Any, prefix: Any) -> None:
    blob = binascii.b2a_base64(prefix + data, newline=False).decode()
    for runtime in (_avro_runtimes.ApacheAvro(), _avro_runtimes.installed_runtime()):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_avro, "runtime", runtime)
            with contextlib.suppress(ValueError):
                _avro.decode(blob)


@given(st.text(min_size=1))
def test_no_text_raises_anything_but_a_value_error(text: Any) -> None:
    for codec in ("avro", "json", None):
        with contextlib.suppress(ValueError):
            serializer.decode(text, codec)


def test_a_bottomless_value_is_a_bad_payload_and_not_a_broken_process() -> None:
    depth = 200_000
    text = "[" * depth + "]" * depth
    with pytest.raises(ValueError, match="nested too deeply"):
        serializer.decode(text, "json")
    with pytest.raises(ValueError, match="not valid JSON"):
        serializer.decode(wrapper(text), "avro")


@pytest.mark.parametrize("blob", [{"a": 1}, ["x"], 7])
def test_what_is_no_text_is_a_value_error(blob: Any) -> None:
    for codec in ("avro", "json", None):
        with pytest.raises(ValueError, match=r"[pP]ayload"):
            serializer.decode(blob, codec)


def test_fastavro_is_used_where_it_is_installed() -> None:
    pytest.importorskip("fastavro", reason="fastavro, the extra `speed`, is not installed")
    assert isinstance(_avro_runtimes.installed_runtime(), _avro_runtimes.FastAvro)


def test_apache_avro_is_used_without_fastavro(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_avro_runtimes, "find_spec", lambda name: None)
    assert isinstance(_avro_runtimes.installed_runtime(), _avro_runtimes.ApacheAvro)


def test_a_broken_installation_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> object:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(_avro_runtimes, "find_spec", lambda name: None)
    monkeypatch.setattr(_avro_runtimes, "import_module", missing)
    monkeypatch.setattr(_avro, "runtime", None)
    with pytest.raises(AvroNotInstalledError, match="pip install avro") as caught:
        serializer.encode(1)
    assert isinstance(caught.value, ImportError)


def test_the_codec_is_called_through_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serializer._avro, "encode", lambda value: f"one:{value}")
    monkeypatch.setattr(serializer._avro, "encode_many", lambda values: [f"many:{values}"])
    monkeypatch.setattr(serializer._avro, "decode", lambda blob: f"from:{blob}")
    monkeypatch.setattr(serializer._avro, "decode_many", lambda blobs: [f"from:{blobs}"])
    assert serializer.encode(1) == "one:1"
    assert serializer.encode_many([1]) == ["many:[1]"]
    assert serializer.decode("b", "avro") == "from:b"
    assert serializer.decode_many(["b"], "avro") == ["from:['b']"]
    assert serializer.envelope_many([1]) == [{"codec": "avro", "blob": "many:[1]"}]
