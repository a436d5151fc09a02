"""The driver as its entry point opens it."""

import sys
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from durable_workflow.external_storage import (
    ExternalPayloadStoragePolicy,
    ExternalStorageNotInstalledError,
    ExternalStorageProvider,
    S3ExternalStorage,
    external_storage_driver_from_policy,
)
from durable_workflow.external_storage._providers import provider_of

CLIENT = object()


def opened(document: dict[str, Any]) -> S3ExternalStorage:
    """What a server opens."""
    policy = ExternalPayloadStoragePolicy.from_dict({"driver": "s3", **document})
    storage = provider_of("s3").from_environment(policy)
    assert isinstance(storage, S3ExternalStorage)
    return storage


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("policy", "place"),
    [
        ({"config": {"bucket": "b"}}, ("b", "")),
        ({"config": {"bucket": "b", "prefix": "c/d/"}, "prefix": "p"}, ("b", "c/d")),
        ({"reference": "arn:aws:s3:::b/x/*", "prefix": "p"}, ("b", "p")),
        ({"reference": "arn:aws-cn:s3:::b"}, ("b", "")),
        ({"reference": "s3://b/x"}, ("b", "")),
        ({"reference": "b"}, ("b", "")),
    ],
)
def test_the_place_that_a_policy_names(policy: dict[str, Any], place: tuple[str, str]) -> None:
    storage = external_storage_driver_from_policy({"driver": "s3", **policy}, s3_client=CLIENT)
    assert isinstance(storage, S3ExternalStorage)
    assert storage.client is CLIENT
    assert (storage.bucket, storage.prefix) == place


@pytest.mark.parametrize(
    "policy", [{}, {"config": {"bucket": " "}}, {"reference": "ftp://payloads"}]
)
def test_a_policy_without_a_bucket_is_refused(policy: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="s3 requires a bucket"):
        external_storage_driver_from_policy({"driver": "s3", **policy}, s3_client=CLIENT)
    with pytest.raises(ValueError, match="s3 requires a bucket"):
        opened(policy)


def test_the_sdk_is_needed_for_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    provider: ExternalStorageProvider = provider_of("s3")
    assert provider.can_open_from_environment()
    assert provider.storage_class is S3ExternalStorage
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert not provider.can_open_from_environment()
    with pytest.raises(ExternalStorageNotInstalledError, match=r'"dw-storage-s3\[s3\]"$'):
        opened({"config": {"bucket": "payloads"}})
    external_storage_driver_from_policy({"driver": "s3", "reference": "payloads"}, s3_client=CLIENT)


def test_region_and_endpoint_are_those_of_the_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2")
    config = {"bucket": "b", "prefix": "p", "region": "eu-central-1"}
    storage = opened({"config": {**config, "endpoint": "http://127.0.0.1:1"}})
    assert (storage.bucket, storage.prefix) == ("b", "p")
    assert storage.client.meta.region_name == "eu-central-1"
    assert storage.client.meta.endpoint_url == "http://127.0.0.1:1"
    assert opened({"config": config}).client.meta.endpoint_url == "http://127.0.0.1:2"


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"auth_profile": "of-nobody"}, "of-nobody"),
        ({"endpoint": "not an address"}, "Invalid endpoint"),
        ({"prefix": "../x"}, "unsafe segment"),
    ],
)
def test_a_policy_that_cannot_be_opened(config: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        opened({"config": {"bucket": "b", **config}})


def test_an_environment_without_credentials_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(ValueError, match="s3 has no credentials"):
        opened({"config": {"bucket": "b"}})


def test_the_errors_of_the_sdk_are_named() -> None:
    errors = provider_of("s3").errors()
    assert issubclass(EndpointConnectionError, errors)
    assert issubclass(ClientError, errors)
    assert not issubclass(ValueError, errors)
