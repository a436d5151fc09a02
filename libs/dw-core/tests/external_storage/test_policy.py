import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import external_storage
from durable_workflow.external_storage import (
    ExternalPayloadStoragePolicy,
    ExternalStorageNotInstalledError,
    LocalFilesystemExternalStorage,
    external_storage_driver_from_policy,
)


def test_a_policy_by_itself_or_within_a_namespace() -> None:
    document = {
        "driver": "s3",
        "enabled": False,
        "threshold_bytes": 10,
        "config": {"bucket": "b", "prefix": "p"},
        "reference": "s3://b",
        "mode": "m",
        "status": "s",
        "integrity_required": False,
        "later": 1,
    }
    policy = ExternalPayloadStoragePolicy(
        False, "s3", 10, {"bucket": "b", "prefix": "p"}, "s3://b", "p", "m", "s", False
    )
    assert ExternalPayloadStoragePolicy.from_dict(document) == policy
    nested = {"name": "ns", "external_payload_storage": document}
    assert ExternalPayloadStoragePolicy.from_dict(nested) == policy


def test_an_empty_policy_is_off_and_a_named_driver_turns_it_on() -> None:
    assert ExternalPayloadStoragePolicy.from_dict({}) == ExternalPayloadStoragePolicy(False)
    assert ExternalPayloadStoragePolicy.from_dict({"driver": "s3"}).enabled
    policy = ExternalPayloadStoragePolicy.from_dict({"prefix": "", "config": {"prefix": "p"}})
    assert policy.prefix == ""
    assert ExternalPayloadStoragePolicy(True).integrity_required


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("driver", 1),
        ("enabled", "yes"),
        ("threshold_bytes", 0),
        ("threshold_bytes", True),
        ("threshold_bytes", "10"),
        ("config", []),
        ("reference", 1),
        ("prefix", 1),
        ("mode", 1),
        ("status", []),
        ("integrity_required", 1),
    ],
)
def test_wrong_types_are_named(field: Any, value: Any) -> None:
    message = f"^external payload storage policy {field} must be "
    with pytest.raises(ValueError, match=message):
        ExternalPayloadStoragePolicy.from_dict({field: value})


@pytest.mark.parametrize("data", [None, [], "s3", {"external_payload_storage": "s3"}])
def test_what_is_no_policy(data: Any) -> None:
    with pytest.raises(ValueError, match=r"^external payload storage policy must be an object"):
        ExternalPayloadStoragePolicy.from_dict(data)


class Recorded:
    """Stands in for a cloud driver: keeps what it was made with."""

    def __init__(self, client: object, **location: str) -> None:
        self.made_with = (client, location)


@pytest.fixture
def cloud_wheels(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for driver in external_storage._drivers.CLOUD_DRIVERS.values():
        module = types.ModuleType(driver.module)
        setattr(module, driver.class_name, type(driver.class_name, (Recorded,), {}))
        monkeypatch.setitem(sys.modules, driver.module, module)
        monkeypatch.delitem(vars(external_storage), driver.class_name, raising=False)
    yield
    for driver in external_storage._drivers.CLOUD_DRIVERS.values():
        external_storage.__dict__.pop(driver.class_name, None)


@pytest.fixture
def no_cloud_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    for driver in external_storage._drivers.CLOUD_DRIVERS.values():
        # None is what makes importing it fail, as if it were not there.
        monkeypatch.setitem(sys.modules, driver.module, None)
        monkeypatch.delitem(vars(external_storage), driver.class_name, raising=False)


CLIENTS = {"s3_client": "S3", "gcs_client": "GCS", "azure_container_client": "AZ"}


@pytest.mark.usefixtures("cloud_wheels")
@pytest.mark.parametrize(
    ("policy", "made_with"),
    [
        ({"driver": "S3", "config": {"bucket": "b"}}, ("S3", {"bucket": "b", "prefix": ""})),
        (
            {"driver": "s3", "config": {"bucket": "b", "prefix": "c"}, "prefix": "p"},
            ("S3", {"bucket": "b", "prefix": "c"}),
        ),
        (
            {"driver": "s3", "reference": "arn:aws:s3:::b/x/*", "prefix": "p"},
            ("S3", {"bucket": "b", "prefix": "p"}),
        ),
        ({"driver": "s3", "reference": "s3://b/x"}, ("S3", {"bucket": "b", "prefix": ""})),
        ({"driver": "s3", "reference": "b"}, ("S3", {"bucket": "b", "prefix": ""})),
        ({"driver": "gcs", "config": {"bucket": "b"}}, ("GCS", {"bucket": "b", "prefix": ""})),
        (
            {"driver": "gcs", "reference": "projects/_/buckets/b/objects/x"},
            ("GCS", {"bucket": "b", "prefix": ""}),
        ),
        ({"driver": "gcs", "reference": "gs://b/x"}, ("GCS", {"bucket": "b", "prefix": ""})),
        ({"driver": "gcs", "reference": "b"}, ("GCS", {"bucket": "b", "prefix": ""})),
        (
            {"driver": "azure", "config": {"container": "c", "bucket": "b"}},
            ("AZ", {"container": "c", "prefix": ""}),
        ),
        (
            {"driver": "azure-blob", "config": {"bucket": "b"}},
            ("AZ", {"container": "b", "prefix": ""}),
        ),
        ({"driver": "azure", "reference": "azure://c/x"}, ("AZ", {"container": "c", "prefix": ""})),
        (
            {"driver": "azure", "reference": "azure-blob://c"},
            ("AZ", {"container": "c", "prefix": ""}),
        ),
        ({"driver": "azure", "reference": "c"}, ("AZ", {"container": "c", "prefix": ""})),
    ],
)
def test_cloud_drivers_are_made_from_the_policy(policy: Any, made_with: Any) -> None:
    storage: Any = external_storage_driver_from_policy(policy, **CLIENTS)
    assert storage.made_with == made_with
    typed = ExternalPayloadStoragePolicy.from_dict(policy)
    again: Any = external_storage_driver_from_policy(typed, **CLIENTS)
    assert again.made_with == made_with


@pytest.mark.usefixtures("cloud_wheels")
@pytest.mark.parametrize(
    "name", ["S3ExternalStorage", "GCSExternalStorage", "AzureBlobExternalStorage"]
)
def test_cloud_classes_are_attributes_of_the_module(name: Any) -> None:
    storage_class = getattr(external_storage, name)
    assert storage_class is getattr(external_storage, name)
    assert issubclass(storage_class, Recorded)


@pytest.mark.usefixtures("no_cloud_wheels")
@pytest.mark.parametrize(
    ("name", "policy", "wheel"),
    [
        ("S3ExternalStorage", {"driver": "s3", "reference": "b"}, "dw-storage-s3"),
        ("GCSExternalStorage", {"driver": "gcs", "reference": "b"}, "dw-storage-gcs"),
        ("AzureBlobExternalStorage", {"driver": "azure", "reference": "b"}, "dw-storage-azure"),
    ],
)
def test_a_missing_wheel_says_what_to_install(name: Any, policy: Any, wheel: Any) -> None:
    with pytest.raises(ExternalStorageNotInstalledError, match=f"pip install {wheel}$") as caught:
        external_storage_driver_from_policy(policy, **CLIENTS)
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, ValueError)
    with pytest.raises(ImportError, match=f"pip install {wheel}$"):
        getattr(external_storage, name)


@pytest.mark.usefixtures("no_cloud_wheels")
@pytest.mark.parametrize(
    ("driver", "wanted"),
    [("s3", "s3_client"), ("gcs", "gcs_client"), ("azure", "azure_container_client")],
)
def test_a_missing_client_is_told_before_a_missing_wheel(driver: Any, wanted: Any) -> None:
    with pytest.raises(ValueError, match=f"{driver} requires {wanted}") as caught:
        external_storage_driver_from_policy({"driver": driver, "reference": "b"})
    assert not isinstance(caught.value, ImportError)


@pytest.mark.parametrize(
    ("policy", "complaint"),
    [
        ({"driver": "s3", "enabled": False}, "disabled"),
        ({}, "disabled"),
        ({"enabled": True}, "no driver"),
        ({"driver": " "}, "no driver"),
        ({"driver": "ftp"}, "unsupported external payload storage driver: ftp"),
        ({"driver": "s3"}, "s3 requires a bucket"),
        ({"driver": "s3", "reference": "gs://b"}, "s3 requires a bucket"),
        ({"driver": "gcs", "config": {"bucket": " "}}, "gcs requires a bucket"),
        ({"driver": "azure"}, "azure requires a container"),
        ({"driver": "local"}, "local requires a root or a uri"),
        ({"driver": "local", "reference": "s3://b"}, "scheme must be 'file'"),
    ],
)
def test_a_policy_that_no_driver_can_be_made_from(policy: Any, complaint: Any) -> None:
    with pytest.raises(ValueError, match=complaint):
        external_storage_driver_from_policy(policy, **CLIENTS)


def test_the_local_folder_is_the_callers_or_the_policys(tmp_path: Path) -> None:
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    policy = {"driver": "Local", "config": {"uri": two.as_uri()}, "reference": str(three)}

    def root(policy: Any, **options: Any) -> Any:
        storage = external_storage_driver_from_policy(policy, **options)
        assert isinstance(storage, LocalFilesystemExternalStorage)
        return storage.root

    assert root(policy, local_root=one) == one
    assert root(policy, local_root=str(one)) == one
    assert root(policy) == two
    assert root({**policy, "config": {}}) == three


def test_other_names_are_not_attributes() -> None:
    assert not hasattr(external_storage, "FtpExternalStorage")
