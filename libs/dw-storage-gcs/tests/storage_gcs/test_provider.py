"""The driver as its entry point opens it."""

import sys
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import Forbidden
from google.auth.credentials import AnonymousCredentials

from durable_workflow.external_storage import (
    ExternalPayloadStoragePolicy,
    ExternalStorageNotInstalledError,
    ExternalStorageProvider,
    GCSExternalStorage,
    external_storage_driver_from_policy,
)
from durable_workflow.external_storage._providers import provider_of

CLIENT = object()


def opened(document: dict[str, Any]) -> GCSExternalStorage:
    """What a server opens."""
    policy = ExternalPayloadStoragePolicy.from_dict({"driver": "gcs", **document})
    storage = provider_of("gcs").from_environment(policy)
    assert isinstance(storage, GCSExternalStorage)
    return storage


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("policy", "place"),
    [
        ({"config": {"bucket": "b"}}, ("b", "")),
        ({"config": {"bucket": "b", "prefix": "c/d/"}, "prefix": "p"}, ("b", "c/d")),
        ({"reference": "projects/_/buckets/b/objects/x", "prefix": "p"}, ("b", "p")),
        ({"reference": "gs://b/x"}, ("b", "")),
        ({"reference": "gcs://b/x"}, ("b", "")),
        ({"reference": "b"}, ("b", "")),
    ],
)
def test_the_place_that_a_policy_names(policy: dict[str, Any], place: tuple[str, str]) -> None:
    storage = external_storage_driver_from_policy({"driver": "gcs", **policy}, gcs_client=CLIENT)
    assert isinstance(storage, GCSExternalStorage)
    assert storage.client is CLIENT
    assert (storage.bucket, storage.prefix) == place


@pytest.mark.parametrize(
    "policy", [{}, {"config": {"bucket": " "}}, {"reference": "ftp://payloads"}]
)
def test_a_policy_without_a_bucket_is_refused(policy: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="gcs requires a bucket"):
        external_storage_driver_from_policy({"driver": "gcs", **policy}, gcs_client=CLIENT)
    with pytest.raises(ValueError, match="gcs requires a bucket"):
        opened(policy)


def test_the_sdk_is_needed_for_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    provider: ExternalStorageProvider = provider_of("gcs")
    assert provider.can_open_from_environment()
    assert provider.storage_class is GCSExternalStorage
    monkeypatch.setitem(sys.modules, "google.cloud.storage", None)
    assert not provider.can_open_from_environment()
    with pytest.raises(ExternalStorageNotInstalledError, match=r'"dw-storage-gcs\[gcs\]"$'):
        opened({"config": {"bucket": "payloads"}})
    external_storage_driver_from_policy(
        {"driver": "gcs", "reference": "payloads"}, gcs_client=CLIENT
    )


def test_an_emulator_is_used_without_credentials() -> None:
    storage = opened({"config": {"bucket": "b", "prefix": "p"}})
    assert (storage.bucket, storage.prefix) == ("b", "p")
    assert storage.client.api_endpoint == "http://127.0.0.1:1"
    assert isinstance(storage.client._credentials, AnonymousCredentials)


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"endpoint": "https://elsewhere.example"}, "below googleapis.com"),
        ({"endpoint": "http://storage.googleapis.com"}, "https endpoint"),
        ({"endpoint": "https://storage.googleapis.com.elsewhere.example"}, "below googleapis.com"),
        ({"auth_profile": "billing"}, "has no auth_profile"),
        ({"prefix": "../x"}, "unsafe segment"),
    ],
)
def test_a_policy_that_cannot_be_opened(config: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        opened({"config": {"bucket": "b", **config}})


def test_an_environment_without_credentials_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nowhere.json"))
    with pytest.raises(ValueError, match=r"gcs has no credentials: .*nowhere\.json"):
        opened({"config": {"bucket": "b", "endpoint": "https://storage.googleapis.com"}})


def test_the_errors_of_the_sdk_are_named() -> None:
    errors = provider_of("gcs").errors()
    assert issubclass(Forbidden, errors)
    assert not issubclass(ValueError, errors)
