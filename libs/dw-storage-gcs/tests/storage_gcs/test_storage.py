"""`GCSExternalStorage` over a client that answers as Google does. No SDK is imported."""

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import durable_workflow
from durable_workflow import external_storage
from durable_workflow.external_storage import (
    ExternalPayloadIntegrityError,
    ExternalStorageDriver,
    GCSExternalStorage,
    delete_external_payload,
    fetch_external_payload,
    store_external_payload,
)
from durable_workflow.storage_gcs._storage import GCSBlob, GCSBucket, GCSCalls

if TYPE_CHECKING:
    from google.cloud.storage.blob import Blob  # pyright: ignore[reportMissingTypeStubs]
    from google.cloud.storage.bucket import Bucket  # pyright: ignore[reportMissingTypeStubs]
    from google.cloud.storage.client import Client  # pyright: ignore[reportMissingTypeStubs]

DATA = b"payload"
SHA = hashlib.sha256(DATA).hexdigest()
KEY = f"orders/avro/{SHA[:2]}/{SHA}"
URI = f"gs://payloads/{KEY}"


class StoreError(Exception):
    """An error as google-api-core raises it."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code


class FakeBlob:
    """An object of the bucket, there or not."""

    def __init__(self, client: "FakeClient", bucket: str, key: str) -> None:
        self.client, self.place = client, (bucket, key)
        self.metadata: dict[str, str] | None = None

    def upload_from_string(self, data: bytes, *, content_type: str) -> None:
        self._note("upload_from_string", self.metadata, data, content_type)
        self.client.objects[self.place[1]] = data

    def download_as_bytes(self) -> Any:
        self._note("download_as_bytes")
        self._find()
        return self.client.objects[self.place[1]]

    def delete(self) -> None:
        self._note("delete")
        self._find()
        del self.client.objects[self.place[1]]

    def _note(self, name: str, *arguments: Any) -> None:
        self.client.calls.append((name, *self.place, *arguments))
        if self.client.fails is not None:
            raise self.client.fails

    def _find(self) -> None:
        if self.place[1] not in self.client.objects:
            raise StoreError(404, f"GET https://storage/{self.place[1]}: No such object")


class FakeBucket:
    """A bucket, there or not."""

    def __init__(self, client: "FakeClient", name: str) -> None:
        self.client, self.name = client, name

    def blob(self, key: str) -> FakeBlob:
        return FakeBlob(self.client, self.name, key)


class FakeClient:
    """Objects of one bucket, and the calls that were made."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.fails: Exception | None = None

    def bucket(self, name: str) -> FakeBucket:
        return FakeBucket(self, name)


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


@pytest.fixture
def storage(client: FakeClient) -> GCSExternalStorage:
    return GCSExternalStorage(client, bucket="payloads", prefix="/orders/")


def calls_of(client: "Client", bucket: "Bucket", blob: "Blob") -> object:
    """What type checkers check: Google's classes have the calls of the driver."""
    has_bucket: GCSCalls = client
    has_blob: GCSBucket = bucket
    has_calls: GCSBlob = blob
    return has_bucket, has_blob, has_calls


def test_it_is_found_where_it_is_published(storage: GCSExternalStorage) -> None:
    assert durable_workflow.GCSExternalStorage is GCSExternalStorage
    assert external_storage.GCSExternalStorage is GCSExternalStorage
    assert GCSExternalStorage.__module__ == "durable_workflow.external_storage"
    assert isinstance(storage, ExternalStorageDriver)


def test_its_attributes(storage: GCSExternalStorage, client: FakeClient) -> None:
    assert storage.client is client
    assert (storage.bucket, storage.prefix) == ("payloads", "orders")
    assert GCSExternalStorage(client, bucket="payloads", prefix="a b/ü").prefix == "a%20b/%C3%BC"
    assert GCSExternalStorage(client, bucket="payloads").prefix == ""


@pytest.mark.parametrize("name", ["", " "])
def test_a_bucket_without_a_name_is_refused(client: FakeClient, name: str) -> None:
    with pytest.raises(ValueError, match="bucket must be a non-empty string"):
        GCSExternalStorage(client, bucket=name)


@pytest.mark.parametrize("prefix", ["a//b", "a/./b", "..", "a/../b"])
def test_an_unsafe_prefix_is_refused(client: FakeClient, prefix: str) -> None:
    with pytest.raises(ValueError, match="unsafe segment"):
        GCSExternalStorage(client, bucket="payloads", prefix=prefix)


def test_the_calls_of_a_payload(storage: GCSExternalStorage, client: FakeClient) -> None:
    uri = storage.put(DATA, sha256=SHA, codec="avro")
    assert uri == URI
    assert storage.get(uri) == DATA
    storage.delete(uri)
    assert client.calls == [
        (
            "upload_from_string",
            "payloads",
            KEY,
            {"sha256": SHA, "codec": "avro"},
            DATA,
            "application/octet-stream",
        ),
        ("download_as_bytes", "payloads", KEY),
        ("delete", "payloads", KEY),
    ]


def test_the_same_bytes_have_one_place(storage: GCSExternalStorage, client: FakeClient) -> None:
    first = storage.put(DATA, sha256=SHA, codec="avro")
    assert storage.put(DATA, sha256=SHA, codec="avro") == first
    assert list(client.objects) == [KEY]


@pytest.mark.parametrize("codec", ["", "..", "a/b", "a b"])
def test_a_codec_that_is_no_part_of_a_key_is_refused(
    storage: GCSExternalStorage, client: FakeClient, codec: str
) -> None:
    with pytest.raises(ValueError, match="codec"):
        storage.put(DATA, sha256=SHA, codec=codec)
    with pytest.raises(ValueError, match="sha256"):
        storage.put(DATA, sha256="../x", codec="avro")
    assert client.calls == []


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        (URI.replace("gs://", "ftp://"), "scheme must be one of"),
        (URI.replace("payloads", "others"), "not in 'payloads'"),
        (URI.replace("orders", "invoices"), "outside the prefix 'orders'"),
        ("gs://payloads", "empty or unsafe key"),
        ("gs://payloads/", "empty or unsafe key"),
        ("gs://payloads/orders/../x", "empty or unsafe key"),
        (f"{URI}?versionId=1", "unsafe key"),
    ],
)
def test_objects_of_other_places_are_refused(
    storage: GCSExternalStorage, client: FakeClient, uri: str, complaint: str
) -> None:
    for call in (storage.get, storage.delete):
        with pytest.raises(ValueError, match=complaint):
            call(uri)
    assert client.calls == []


def test_what_other_servers_write_is_read(storage: GCSExternalStorage) -> None:
    storage.put(DATA, sha256=SHA, codec="avro")
    assert storage.get(URI.replace("gs://", "gcs://")) == DATA


def test_a_missing_object_is_a_missing_file(storage: GCSExternalStorage) -> None:
    with pytest.raises(FileNotFoundError, match=f"missing: {URI}") as caught:
        storage.get(URI)
    assert isinstance(caught.value.__cause__, StoreError)
    storage.delete(URI)
    reference = store_external_payload(storage, DATA, codec="json")
    delete_external_payload(storage, reference)
    with pytest.raises(ExternalPayloadIntegrityError, match="missing"):
        fetch_external_payload(storage, reference)


@pytest.mark.parametrize(
    ("stored", "complaint"), [(b"payloae", "hash does not match"), (b"pay", "size does not match")]
)
def test_a_changed_object_is_refused(
    storage: GCSExternalStorage, client: FakeClient, stored: bytes, complaint: str
) -> None:
    reference = store_external_payload(storage, DATA, codec="avro")
    client.objects[KEY] = stored
    with pytest.raises(ExternalPayloadIntegrityError, match=complaint):
        fetch_external_payload(storage, reference)


def test_an_answer_that_is_no_bytes_is_refused(
    storage: GCSExternalStorage, client: FakeClient
) -> None:
    client.objects[KEY] = "payload"
    with pytest.raises(ValueError, match="str and not with bytes"):
        storage.get(URI)


@pytest.mark.parametrize(
    "error",
    [
        StoreError(404, "The specified bucket does not exist."),
        StoreError(403, "Access denied."),
        OSError("no network"),
    ],
)
def test_other_errors_of_the_client_pass_through(
    storage: GCSExternalStorage, client: FakeClient, error: Exception
) -> None:
    client.fails = error
    for call in (storage.get, storage.delete):
        with pytest.raises(type(error)) as caught:
            call(URI)
        assert caught.value is error
    with pytest.raises(type(error)):
        storage.put(DATA, sha256=SHA, codec="avro")


def test_no_sdk_is_imported() -> None:
    program = """
import sys
from durable_workflow.external_storage import (
    GCSExternalStorage, external_storage_driver_from_policy
)
policy = {"driver": "gcs", "config": {"bucket": "payloads"}}
storage = external_storage_driver_from_policy(policy, gcs_client=object())
assert type(storage) is GCSExternalStorage
print(sorted(name for name in sys.modules if name.split(".")[0] in ("google",)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
