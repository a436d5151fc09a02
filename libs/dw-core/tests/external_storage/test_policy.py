from pathlib import Path
from typing import Any

import pytest

from durable_workflow.external_storage import (
    ExternalPayloadStoragePolicy,
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


@pytest.mark.parametrize(
    ("policy", "complaint"),
    [
        ({"driver": "s3", "enabled": False}, "disabled"),
        ({}, "disabled"),
        ({"enabled": True}, "no driver"),
        ({"driver": " "}, "no driver"),
        ({"driver": "ftp"}, "unsupported external payload storage driver: ftp"),
        ({"driver": "local"}, "local requires a root or a uri"),
        ({"driver": "local", "reference": "s3://b"}, "scheme must be 'file'"),
    ],
)
def test_a_policy_that_no_driver_can_be_made_from(policy: Any, complaint: Any) -> None:
    with pytest.raises(ValueError, match=complaint):
        external_storage_driver_from_policy(policy, s3_client="S3")


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
