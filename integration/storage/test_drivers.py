"""The drivers over the providers' own clients and emulated stores."""

from __future__ import annotations

import hashlib
import http.server
import random
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

import pytest
from azure.core.exceptions import HttpResponseError
from botocore.exceptions import ClientError
from google.api_core.exceptions import Forbidden

from durable_workflow.external_storage import (
    ExternalPayloadIntegrityError,
    ExternalPayloadReference,
    delete_external_payload,
    fetch_external_payload,
    store_external_payload,
)
from durable_workflow.external_storage._providers import provider_of
from integration.storage import emulators
from integration.storage.cutting_proxy import cutting_once, url_of
from integration.storage.stores import GCS, S3, Azure, Store

MIB = 1024 * 1024
SIZES = [1, 1000, 65_536, MIB, 8 * MIB + 1, 64 * MIB]


def random_bytes(size: int) -> bytes:
    return random.Random(size).randbytes(size)


@pytest.mark.parametrize("size", SIZES)
def test_payloads_of_all_sizes_come_back(store: Store, size: int) -> None:
    storage, data = store.open(prefix="sizes/of it"), random_bytes(size)
    reference = store_external_payload(storage, data, codec="avro")
    assert reference.size_bytes == size
    assert fetch_external_payload(storage, reference) == data
    assert store_external_payload(storage, data, codec="avro") == reference
    delete_external_payload(storage, reference)
    with pytest.raises(FileNotFoundError):
        storage.get(reference.uri)
    storage.delete(reference.uri)


def test_a_payload_without_bytes_comes_back(store: Store) -> None:
    storage = store.open(prefix="empty")
    assert fetch_external_payload(storage, store_external_payload(storage, b"", codec="x")) == b""


def test_a_missing_payload_is_told_from_other_errors(store: Store) -> None:
    storage = store.open(prefix="missing")
    reference = store_external_payload(storage, b"payload", codec="json")
    storage.delete(reference.uri)
    with pytest.raises(ExternalPayloadIntegrityError, match="missing") as caught:
        fetch_external_payload(storage, reference)
    assert isinstance(caught.value, FileNotFoundError)


def test_what_has_expired_and_is_gone_is_missing(store: Store) -> None:
    storage = store.open(prefix="expired")
    reference = store_external_payload(
        storage, b"payload", codec="json", expires_at="2020-01-01T00:00:00Z"
    )
    storage.delete(reference.uri)  # as a rule of the bucket does
    again = ExternalPayloadReference.from_dict(reference.to_dict())
    with pytest.raises(ExternalPayloadIntegrityError, match="missing"):
        fetch_external_payload(storage, again)


@pytest.mark.parametrize("size", [1, 65_536, MIB])
def test_a_flipped_bit_is_found(store: Store, size: int) -> None:
    storage, data = store.open(prefix="flipped"), random_bytes(size)
    reference = store_external_payload(storage, data, codec="avro")
    changed = bytearray(data)
    changed[size // 2] ^= 1
    store.overwrite(reference.uri, bytes(changed))
    with pytest.raises(ExternalPayloadIntegrityError, match="hash does not match"):
        fetch_external_payload(storage, reference)
    # Who stores it again has it whole again.
    store_external_payload(storage, data, codec="avro")
    assert fetch_external_payload(storage, reference) == data


def test_a_truncated_object_is_found(store: Store) -> None:
    storage, data = store.open(prefix="cut"), random_bytes(65_536)
    reference = store_external_payload(storage, data, codec="avro")
    store.overwrite(reference.uri, data[:-1])
    with pytest.raises(ExternalPayloadIntegrityError, match="size does not match"):
        fetch_external_payload(storage, reference)


def test_a_bucket_that_is_not_there_is_no_missing_payload(store: Store) -> None:
    storage = store.open(place="elsewhere")
    digest = hashlib.sha256(b"x").hexdigest()
    errors = provider_of(store.driver).errors()
    with pytest.raises(errors):
        storage.put(b"x", sha256=digest, codec="avro")


@pytest.mark.parametrize("place", ["elsewhere", "payloads2"])
def test_a_uri_of_another_bucket_is_refused(store: Store, place: str) -> None:
    reference = store_external_payload(store.open(), b"payload", codec="json")
    storage = store.open(place=place)
    for call in (storage.get, storage.delete):
        with pytest.raises(ValueError, match="not in"):
            call(reference.uri)


def test_a_connection_that_is_cut_while_reading_gives_no_other_bytes(store: Store) -> None:
    data = random_bytes(MIB)
    reference = store_external_payload(store.open(prefix="net"), data, codec="avro")
    with cutting_once(store.url, after_bytes=300_000) as proxy:
        storage = store.open(url=url_of(proxy), prefix="net")
        # Some clients go on where they were, others give up with an error of their own: those of
        # a wrong or a missing payload are none.
        refused = provider_of(store.driver).errors()
        with suppress(ConnectionError, *refused):
            assert fetch_external_payload(storage, reference) == data
        assert proxy.cuts == 1
        assert fetch_external_payload(storage, reference) == data


def test_refused_credentials_of_s3() -> None:
    emulators.install()
    # moto asks who it is from the first request on, and knows nobody.
    with emulators.moto({"INITIAL_NO_AUTH_ACTION_COUNT": "0"}) as url:
        store = S3(url, access_key="AKIANOBODY")
        storage = store.open()
        with pytest.raises(ClientError, match="InvalidAccessKeyId"):
            store_external_payload(storage, b"payload", codec="json")
        store.close()


def test_refused_credentials_of_azure(emulated: dict[str, Store]) -> None:
    store = Azure(emulated["azure"].url, account_key="bm90IHRoZSBrZXk=")
    storage = store.open()
    with pytest.raises(HttpResponseError) as caught:
        store_external_payload(storage, b"payload", codec="json")
    assert caught.value.status_code == 403
    store.close()


def test_refused_credentials_of_gcs() -> None:
    # The emulator asks nobody who it is, so the answer is Google's as it is documented.
    with answering_403() as url:
        store = GCS(url)
        storage = store.open()
        with pytest.raises(Forbidden, match="does not have storage"):
            store_external_payload(storage, b"payload", codec="json")
        store.close()


class _Refusing(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = b'{"error": {"code": 403, "message": "nobody does not have storage.objects.create"}}'
        self.send_response(403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def answering_403() -> Generator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
