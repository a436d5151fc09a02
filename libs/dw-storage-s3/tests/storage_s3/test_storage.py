"""`S3ExternalStorage` over a client that answers as S3 does. No SDK is imported."""

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
    S3ExternalStorage,
    delete_external_payload,
    fetch_external_payload,
    store_external_payload,
)
from durable_workflow.storage_s3._storage import S3Calls

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

DATA = b"payload"
SHA = hashlib.sha256(DATA).hexdigest()
KEY = f"orders/avro/{SHA[:2]}/{SHA}"
URI = f"s3://payloads/{KEY}"


class StoreError(Exception):
    """An error as botocore raises it."""

    def __init__(self, code: str, status: int) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}


class Body:
    """The body of an answer."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.closed = False

    def read(self) -> Any:
        if isinstance(self.data, Exception):
            raise self.data
        return self.data

    def close(self) -> None:
        self.closed = True


class FakeClient:
    """Objects of one bucket, and the calls that were made."""

    def __init__(self) -> None:
        self.objects: dict[str, Any] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.bodies: list[Body] = []
        self.fails: Exception | None = None

    def put_object(self, **arguments: Any) -> dict[str, Any]:
        self._note("put_object", arguments)
        self.objects[arguments["Key"]] = arguments["Body"]
        return {}

    def get_object(self, **arguments: Any) -> dict[str, Any]:
        self._note("get_object", arguments)
        if arguments["Key"] not in self.objects:
            raise StoreError("NoSuchKey", 404)
        self.bodies.append(Body(self.objects[arguments["Key"]]))
        return {"Body": self.bodies[-1]}

    def delete_object(self, **arguments: Any) -> dict[str, Any]:
        self._note("delete_object", arguments)
        self.objects.pop(arguments["Key"], None)
        return {}

    def _note(self, name: str, arguments: dict[str, Any]) -> None:
        self.calls.append((name, arguments))
        if self.fails is not None:
            raise self.fails


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


@pytest.fixture
def storage(client: FakeClient) -> S3ExternalStorage:
    return S3ExternalStorage(client, bucket="payloads", prefix="/orders/")


def calls_of(client: "S3Client") -> S3Calls:
    """What type checkers check: a boto3 client has the calls of the driver."""
    return client


def test_it_is_found_where_it_is_published(storage: S3ExternalStorage) -> None:
    assert durable_workflow.S3ExternalStorage is S3ExternalStorage
    assert external_storage.S3ExternalStorage is S3ExternalStorage
    assert S3ExternalStorage.__module__ == "durable_workflow.external_storage"
    assert isinstance(storage, ExternalStorageDriver)


def test_its_attributes(storage: S3ExternalStorage, client: FakeClient) -> None:
    assert storage.client is client
    assert (storage.bucket, storage.prefix) == ("payloads", "orders")
    assert S3ExternalStorage(client, bucket="payloads", prefix="a b/ü").prefix == "a%20b/%C3%BC"
    assert S3ExternalStorage(client, bucket="payloads").prefix == ""


@pytest.mark.parametrize("name", ["", " "])
def test_a_bucket_without_a_name_is_refused(client: FakeClient, name: str) -> None:
    with pytest.raises(ValueError, match="bucket must be a non-empty string"):
        S3ExternalStorage(client, bucket=name)


@pytest.mark.parametrize("prefix", ["a//b", "a/./b", "..", "a/../b"])
def test_an_unsafe_prefix_is_refused(client: FakeClient, prefix: str) -> None:
    with pytest.raises(ValueError, match="unsafe segment"):
        S3ExternalStorage(client, bucket="payloads", prefix=prefix)


def test_the_calls_of_a_payload(storage: S3ExternalStorage, client: FakeClient) -> None:
    uri = storage.put(DATA, sha256=SHA, codec="avro")
    assert uri == URI
    assert storage.get(uri) == DATA
    storage.delete(uri)
    assert client.calls == [
        (
            "put_object",
            {
                "Bucket": "payloads",
                "Key": KEY,
                "Body": DATA,
                "ContentType": "application/octet-stream",
                "Metadata": {"sha256": SHA, "codec": "avro"},
            },
        ),
        ("get_object", {"Bucket": "payloads", "Key": KEY}),
        ("delete_object", {"Bucket": "payloads", "Key": KEY}),
    ]


def test_the_same_bytes_have_one_place(storage: S3ExternalStorage, client: FakeClient) -> None:
    first = storage.put(DATA, sha256=SHA, codec="avro")
    assert storage.put(DATA, sha256=SHA, codec="avro") == first
    assert list(client.objects) == [KEY]


@pytest.mark.parametrize("codec", ["", "..", "a/b", "a b"])
def test_a_codec_that_is_no_part_of_a_key_is_refused(
    storage: S3ExternalStorage, client: FakeClient, codec: str
) -> None:
    with pytest.raises(ValueError, match="codec"):
        storage.put(DATA, sha256=SHA, codec=codec)
    with pytest.raises(ValueError, match="sha256"):
        storage.put(DATA, sha256="../x", codec="avro")
    assert client.calls == []


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        (URI.replace("s3://", "ftp://"), "scheme must be one of"),
        (URI.replace("payloads", "others"), "not in 'payloads'"),
        (URI.replace("orders", "invoices"), "outside the prefix 'orders'"),
        ("s3://payloads", "empty or unsafe key"),
        ("s3://payloads/", "empty or unsafe key"),
        ("s3://payloads/orders/../x", "empty or unsafe key"),
        (f"{URI}?versionId=1", "unsafe key"),
    ],
)
def test_objects_of_other_places_are_refused(
    storage: S3ExternalStorage, client: FakeClient, uri: str, complaint: str
) -> None:
    for call in (storage.get, storage.delete):
        with pytest.raises(ValueError, match=complaint):
            call(uri)
    assert client.calls == []


def test_a_missing_object_is_a_missing_file(storage: S3ExternalStorage) -> None:
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
    storage: S3ExternalStorage, client: FakeClient, stored: bytes, complaint: str
) -> None:
    reference = store_external_payload(storage, DATA, codec="avro")
    client.objects[KEY] = stored
    with pytest.raises(ExternalPayloadIntegrityError, match=complaint):
        fetch_external_payload(storage, reference)


def test_an_answer_that_is_no_bytes_is_refused(
    storage: S3ExternalStorage, client: FakeClient
) -> None:
    client.objects[KEY] = "payload"
    with pytest.raises(ValueError, match="str and not with bytes"):
        storage.get(URI)


@pytest.mark.parametrize(
    "error",
    [StoreError("NoSuchBucket", 404), StoreError("AccessDenied", 403), OSError("no network")],
)
def test_other_errors_of_the_client_pass_through(
    storage: S3ExternalStorage, client: FakeClient, error: Exception
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
    S3ExternalStorage, external_storage_driver_from_policy
)
policy = {"driver": "s3", "config": {"bucket": "payloads"}}
storage = external_storage_driver_from_policy(policy, s3_client=object())
assert type(storage) is S3ExternalStorage
print(sorted(name for name in sys.modules if name.split(".")[0] in ("boto3", "botocore")))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_a_body_that_is_bytes_is_taken_as_it_is() -> None:
    class Plain(FakeClient):
        def get_object(self, **arguments: Any) -> dict[str, Any]:
            return {"Body": self.objects[arguments["Key"]]}

    client = Plain()
    storage = S3ExternalStorage(client, bucket="payloads", prefix="orders")
    assert storage.get(storage.put(DATA, sha256=SHA, codec="avro")) == DATA


def test_the_body_is_closed_where_reading_is_cut_short(
    storage: S3ExternalStorage, client: FakeClient
) -> None:
    client.objects[KEY] = ConnectionResetError("cut")
    with pytest.raises(ConnectionResetError, match="cut"):
        storage.get(URI)
    assert client.bodies[-1].closed


def test_a_store_that_minds_deleting_what_is_not_there(
    storage: S3ExternalStorage, client: FakeClient
) -> None:
    client.fails = StoreError("NoSuchKey", 404)
    storage.delete(URI)
