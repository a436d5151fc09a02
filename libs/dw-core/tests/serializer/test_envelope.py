# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownArgumentType=false

import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from durable_workflow import serializer
from durable_workflow.external_storage import (
    ExternalPayloadCache,
    ExternalPayloadIntegrityError,
    ExternalPayloadReference,
    ExternalStorageRequiredError,
)

pytestmark = pytest.mark.usefixtures("avro_runtime")
HELLO = "AA4iaGVsbG8iAg=="


class MemoryStorage:
    """A driver that keeps payloads in a dict, and counts its reads."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.reads = 0

    def put(self, data: bytes, *, sha256: str, codec: str) -> str:
        uri = f"memory://{codec}/{sha256}"
        self.objects[uri] = data
        return uri

    def get(self, uri: str) -> bytes:
        self.reads += 1
        return self.objects[uri]

    def delete(self, uri: str) -> None:
        del self.objects[uri]


@pytest.mark.parametrize("blob", [None, ""])
@pytest.mark.parametrize("codec", [None, "json", "avro", "php-serialize"])
def test_no_value_is_none_whatever_the_codec(blob: Any, codec: Any) -> None:
    assert serializer.decode(blob, codec) is None
    assert serializer.decode_many([blob, blob], codec) == [None, None]


@pytest.mark.parametrize("codec", ["json", "avro"])
def test_none_is_an_encoded_null(codec: Any) -> None:
    blob = serializer.encode(None, codec)
    assert blob
    assert serializer.decode(blob, codec) is None


def test_unknown_codecs_are_named_with_those_supported() -> None:
    with pytest.raises(ValueError, match=r"^Unsupported payload codec 'xml'; .*\('json', 'avro'\)"):
        serializer.encode(1, "xml")
    with pytest.raises(ValueError, match=r"^Unsupported payload codec 'xml'"):
        serializer.encode_many([1], "xml")
    with pytest.raises(ValueError, match=r"^Cannot decode payload with codec 'xml': .*'avro'\)"):
        serializer.decode("x", "xml")
    with pytest.raises(ValueError, match=r"^Cannot decode payload with codec 'xml'"):
        serializer.decode_many(["x"], "xml")


@pytest.mark.parametrize("codec", ["json", None])
def test_bad_json_says_so(codec: Any) -> None:
    with pytest.raises(ValueError, match=r"^Payload is not valid JSON: "):
        serializer.decode("{", codec)


def test_an_envelope_is_a_blob_with_its_codec() -> None:
    assert serializer.envelope("hello") == {"codec": "avro", "blob": HELLO}
    assert serializer.envelope("é", "json") == {"codec": "json", "blob": '"é"'}
    assert serializer.envelope_many(["hello", None]) == [
        {"codec": "avro", "blob": HELLO},
        {"codec": "avro", "blob": "AAhudWxsAg=="},
    ]
    assert serializer.envelope_many([]) == []
    assert serializer.encode_many([]) == []


def test_the_inner_codec_wins() -> None:
    assert serializer.decode_envelope({"codec": "avro", "blob": HELLO}, "json") == "hello"
    assert serializer.decode_envelope(HELLO, "avro") == "hello"
    assert serializer.decode_envelope('"x"') == "x"
    assert serializer.decode_envelope(None) is None
    assert serializer.decode_envelope({"codec": "avro", "blob": None}, "json") is None
    extra = {"codec": "avro", "blob": HELLO, "payload_codec": "json"}
    assert serializer.decode_envelope(extra) == "hello"


DECODERS: tuple[Callable[[Any], Any], ...] = (
    serializer.decode_envelope,
    lambda value: serializer.decode_envelopes([value]),
)


@pytest.mark.parametrize("value", [{}, {"codec": "avro"}, {"blob": HELLO}, ["x"], 7])
def test_an_object_that_is_no_envelope_is_a_bad_payload(value: Any) -> None:
    for decode in DECODERS:
        with pytest.raises(ValueError, match="Payload is not valid JSON"):
            decode(value)


@pytest.mark.parametrize("codec", [7, None, ["x"], {}])
def test_an_envelope_with_a_codec_that_is_none(codec: Any) -> None:
    value = {"codec": codec, "blob": "{"}
    for decode in DECODERS:
        with pytest.raises(ValueError, match=r"codec|JSON"):
            decode(value)


def test_envelopes_are_decoded_by_codec_and_kept_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[list[Any]] = []
    genuine = serializer._avro.decode_many

    def spy(blobs: Any) -> Any:
        batches.append(list(blobs))
        return genuine(blobs)

    monkeypatch.setattr(serializer._avro, "decode_many", spy)
    first, second = serializer.encode(1), serializer.encode(2)
    values = [
        {"codec": "avro", "blob": first},
        '"bare"',
        {"codec": "json", "blob": "[3]"},
        {"codec": "avro", "blob": second},
        None,
    ]
    assert serializer.decode_envelopes(values) == [1, "bare", [3], 2, None]
    assert batches == [[first, second]]


def test_small_values_stay_inline_and_large_ones_are_stored() -> None:
    storage = MemoryStorage()
    size = len(HELLO)

    def offload(threshold: int) -> dict[str, object]:
        return serializer.external_storage_envelope(
            "hello", external_storage=storage, threshold_bytes=threshold
        )

    assert offload(size) == {"codec": "avro", "blob": HELLO}
    assert storage.objects == {}
    stored = offload(size - 1)
    assert set(stored) == {"codec", "external_storage"}
    reference = ExternalPayloadReference.from_dict(stored["external_storage"])
    assert (reference.codec, reference.size_bytes) == ("avro", size)
    assert storage.objects[reference.uri] == HELLO.encode()
    assert json.loads(json.dumps(stored)) == stored


def test_the_threshold_counts_utf8_bytes_of_the_blob() -> None:
    storage = MemoryStorage()
    envelope = serializer.external_storage_envelope(
        "éé", external_storage=storage, threshold_bytes=5, codec="json"
    )
    assert "external_storage" in envelope


@pytest.mark.parametrize("threshold", [0, -1])
def test_a_threshold_is_positive(threshold: Any) -> None:
    storage = MemoryStorage()
    with pytest.raises(ValueError, match="threshold_bytes"):
        serializer.external_storage_envelope(1, external_storage=storage, threshold_bytes=threshold)
    with pytest.raises(ValueError, match="threshold_bytes"):
        serializer.external_storage_envelope_many(
            [], external_storage=storage, threshold_bytes=threshold
        )


def test_stored_values_come_back_through_the_cache() -> None:
    storage, cache = MemoryStorage(), ExternalPayloadCache()
    values = ["x" * 50, 1]
    envelopes = serializer.external_storage_envelope_many(
        values, external_storage=storage, threshold_bytes=20
    )
    assert ["blob" in envelope for envelope in envelopes] == [False, True]
    for _ in range(2):
        decoded = serializer.decode_envelopes(
            envelopes, external_storage=storage, external_storage_cache=cache
        )
        assert decoded == values
    assert storage.reads == 1


def test_a_stored_value_needs_a_driver() -> None:
    envelope = serializer.external_storage_envelope(
        "hello", external_storage=MemoryStorage(), threshold_bytes=1
    )
    message = "^external payload reference requires an external storage driver$"
    with pytest.raises(ExternalStorageRequiredError, match=message):
        serializer.decode_envelopes([envelope])
    with pytest.raises(ExternalStorageRequiredError, match=message) as caught:
        serializer.decode_envelope(envelope)
    assert isinstance(caught.value, ValueError)
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert error.uri == envelope["external_storage"]["uri"]
    for reference in ({}, {"uri": 5}, None, "s3://b/k"):
        with pytest.raises(ExternalStorageRequiredError, match=message) as caught:
            serializer.decode_envelope({"codec": "avro", "external_storage": reference})
        assert caught.value.uri is None


def test_envelope_and_reference_agree_on_the_codec() -> None:
    storage = MemoryStorage()
    envelope = serializer.external_storage_envelope(
        "hello", external_storage=storage, threshold_bytes=1
    )
    with pytest.raises(ValueError, match="codec does not match envelope codec"):
        serializer.decode_envelope({**envelope, "codec": "json"}, external_storage=storage)
    del envelope["codec"]
    assert serializer.decode_envelope(envelope, external_storage=storage) == "hello"


def test_what_was_altered_is_not_decoded() -> None:
    storage = MemoryStorage()
    envelope = serializer.external_storage_envelope(
        "hello", external_storage=storage, threshold_bytes=1
    )
    (uri,) = storage.objects
    storage.objects[uri] = serializer.encode("jello").encode()
    with pytest.raises(ExternalPayloadIntegrityError, match="hash does not match"):
        serializer.decode_envelope(envelope, external_storage=storage)
