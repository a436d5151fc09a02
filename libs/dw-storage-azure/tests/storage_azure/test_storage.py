"""`AzureBlobExternalStorage` over a client that answers as Azure does. No SDK is imported."""

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import durable_workflow
from durable_workflow import external_storage
from durable_workflow.external_storage import (
    AzureBlobExternalStorage,
    ExternalPayloadIntegrityError,
    ExternalStorageDriver,
    delete_external_payload,
    fetch_external_payload,
    store_external_payload,
)
from durable_workflow.storage_azure._storage import AzureCalls

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

DATA = b"payload"
SHA = hashlib.sha256(DATA).hexdigest()
KEY = f"orders/avro/{SHA[:2]}/{SHA}"
URI = f"azure-blob://payloads/{KEY}"


class StoreError(Exception):
    """An error as azure-core raises it."""

    def __init__(self, error_code: str, status_code: int) -> None:
        super().__init__(error_code)
        self.error_code, self.status_code = error_code, status_code


class Download:
    """What a download gives."""

    def __init__(self, data: Any) -> None:
        self.data = data

    def readall(self) -> Any:
        return self.data


class FakeClient:
    """Blobs of one container, and the calls that were made."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        self.calls: list[tuple[str, Any]] = []
        self.fails: Exception | None = None

    def upload_blob(self, **arguments: Any) -> None:
        self._note("upload_blob", arguments)
        self.objects[arguments["name"]] = arguments["data"]

    def download_blob(self, key: str) -> Download:
        self._note("download_blob", key)
        self._find(key)
        return Download(self.objects[key])

    def delete_blob(self, key: str) -> None:
        self._note("delete_blob", key)
        self._find(key)
        del self.objects[key]

    def _note(self, name: str, arguments: Any) -> None:
        self.calls.append((name, arguments))
        if self.fails is not None:
            raise self.fails

    def _find(self, key: str) -> None:
        if key not in self.objects:
            raise StoreError("BlobNotFound", 404)


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


@pytest.fixture
def storage(client: FakeClient) -> AzureBlobExternalStorage:
    return AzureBlobExternalStorage(client, container="payloads", prefix="/orders/")


def calls_of(client: "ContainerClient") -> AzureCalls:
    """What type checkers check: a container client has the calls of the driver."""
    return client


def test_it_is_found_where_it_is_published(storage: AzureBlobExternalStorage) -> None:
    assert durable_workflow.AzureBlobExternalStorage is AzureBlobExternalStorage
    assert external_storage.AzureBlobExternalStorage is AzureBlobExternalStorage
    assert AzureBlobExternalStorage.__module__ == "durable_workflow.external_storage"
    assert isinstance(storage, ExternalStorageDriver)


def test_its_attributes(storage: AzureBlobExternalStorage, client: FakeClient) -> None:
    assert storage.container_client is client
    assert (storage.container, storage.prefix) == ("payloads", "orders")
    assert (
        AzureBlobExternalStorage(client, container="payloads", prefix="a b/ü").prefix
        == "a%20b/%C3%BC"
    )
    assert AzureBlobExternalStorage(client, container="payloads").prefix == ""


@pytest.mark.parametrize("name", ["", " "])
def test_a_container_without_a_name_is_refused(client: FakeClient, name: str) -> None:
    with pytest.raises(ValueError, match="container must be a non-empty string"):
        AzureBlobExternalStorage(client, container=name)


@pytest.mark.parametrize("prefix", ["a//b", "a/./b", "..", "a/../b"])
def test_an_unsafe_prefix_is_refused(client: FakeClient, prefix: str) -> None:
    with pytest.raises(ValueError, match="unsafe segment"):
        AzureBlobExternalStorage(client, container="payloads", prefix=prefix)


def test_the_calls_of_a_payload(storage: AzureBlobExternalStorage, client: FakeClient) -> None:
    uri = storage.put(DATA, sha256=SHA, codec="avro")
    assert uri == URI
    assert storage.get(uri) == DATA
    storage.delete(uri)
    assert client.calls == [
        (
            "upload_blob",
            {
                "name": KEY,
                "data": DATA,
                "overwrite": True,
                "metadata": {"sha256": SHA, "codec": "avro"},
            },
        ),
        ("download_blob", KEY),
        ("delete_blob", KEY),
    ]


def test_the_same_bytes_have_one_place(
    storage: AzureBlobExternalStorage, client: FakeClient
) -> None:
    first = storage.put(DATA, sha256=SHA, codec="avro")
    assert storage.put(DATA, sha256=SHA, codec="avro") == first
    assert list(client.objects) == [KEY]


@pytest.mark.parametrize("codec", ["", "..", "a/b", "a b"])
def test_a_codec_that_is_no_part_of_a_key_is_refused(
    storage: AzureBlobExternalStorage, client: FakeClient, codec: str
) -> None:
    with pytest.raises(ValueError, match="codec"):
        storage.put(DATA, sha256=SHA, codec=codec)
    with pytest.raises(ValueError, match="sha256"):
        storage.put(DATA, sha256="../x", codec="avro")
    assert client.calls == []


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        (URI.replace("azure-blob://", "ftp://"), "scheme must be one of"),
        (URI.replace("payloads", "others"), "not in 'payloads'"),
        (URI.replace("orders", "invoices"), "outside the prefix 'orders'"),
        ("azure-blob://payloads", "empty or unsafe key"),
        ("azure-blob://payloads/", "empty or unsafe key"),
        ("azure-blob://payloads/orders/../x", "empty or unsafe key"),
        (f"{URI}?versionId=1", "unsafe key"),
    ],
)
def test_objects_of_other_places_are_refused(
    storage: AzureBlobExternalStorage, client: FakeClient, uri: str, complaint: str
) -> None:
    for call in (storage.get, storage.delete):
        with pytest.raises(ValueError, match=complaint):
            call(uri)
    assert client.calls == []


def test_what_other_servers_write_is_read(storage: AzureBlobExternalStorage) -> None:
    storage.put(DATA, sha256=SHA, codec="avro")
    assert storage.get(URI.replace("azure-blob://", "azure://")) == DATA


def test_a_missing_object_is_a_missing_file(storage: AzureBlobExternalStorage) -> None:
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
    storage: AzureBlobExternalStorage, client: FakeClient, stored: bytes, complaint: str
) -> None:
    reference = store_external_payload(storage, DATA, codec="avro")
    client.objects[KEY] = stored
    with pytest.raises(ExternalPayloadIntegrityError, match=complaint):
        fetch_external_payload(storage, reference)


def test_an_answer_that_is_no_bytes_is_refused(
    storage: AzureBlobExternalStorage, client: FakeClient
) -> None:
    client.objects[KEY] = "payload"
    with pytest.raises(ValueError, match="str and not with bytes"):
        storage.get(URI)


@pytest.mark.parametrize(
    "error",
    [
        StoreError("ContainerNotFound", 404),
        StoreError("AuthorizationFailure", 403),
        OSError("no network"),
    ],
)
def test_other_errors_of_the_client_pass_through(
    storage: AzureBlobExternalStorage, client: FakeClient, error: Exception
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
    AzureBlobExternalStorage, external_storage_driver_from_policy
)
policy = {"driver": "azure", "config": {"container": "payloads"}}
storage = external_storage_driver_from_policy(policy, azure_container_client=object())
assert type(storage) is AzureBlobExternalStorage
print(sorted(name for name in sys.modules if name.split(".")[0] in ("azure",)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
