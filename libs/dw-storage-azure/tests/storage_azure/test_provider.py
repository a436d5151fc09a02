"""The driver as its entry point opens it."""

import sys
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError

from durable_workflow.external_storage import (
    AzureBlobExternalStorage,
    ExternalPayloadStoragePolicy,
    ExternalStorageNotInstalledError,
    ExternalStorageProvider,
    external_storage_driver_from_policy,
)
from durable_workflow.external_storage._providers import provider_of

CLIENT = object()


def opened(document: dict[str, Any]) -> AzureBlobExternalStorage:
    """What a server opens."""
    policy = ExternalPayloadStoragePolicy.from_dict({"driver": "azure", **document})
    storage = provider_of("azure").from_environment(policy)
    assert isinstance(storage, AzureBlobExternalStorage)
    return storage


CONNECTION = "DefaultEndpointsProtocol=https;AccountName=orders;AccountKey=a2V5"
NAMES = ("CONNECTION_STRING", "ACCOUNT", "KEY", "SAS_TOKEN")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(f"AZURE_STORAGE_{name}", raising=False)


@pytest.mark.parametrize(
    ("policy", "place"),
    [
        ({"config": {"container": "c", "bucket": "b"}}, ("c", "")),
        ({"config": {"bucket": "b", "prefix": "c/d/"}, "prefix": "p"}, ("b", "c/d")),
        ({"reference": "azure://c/x", "prefix": "p"}, ("c", "p")),
        ({"reference": "azure-blob://c"}, ("c", "")),
        ({"reference": "c"}, ("c", "")),
    ],
)
def test_the_place_that_a_policy_names(policy: dict[str, Any], place: tuple[str, str]) -> None:
    storage = external_storage_driver_from_policy(
        {"driver": "azure", **policy}, azure_container_client=CLIENT
    )
    assert isinstance(storage, AzureBlobExternalStorage)
    assert storage.container_client is CLIENT
    assert (storage.container, storage.prefix) == place


@pytest.mark.parametrize(
    "policy", [{}, {"config": {"bucket": " "}}, {"reference": "ftp://payloads"}]
)
def test_a_policy_without_a_container_is_refused(policy: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="azure requires a container"):
        external_storage_driver_from_policy(
            {"driver": "azure", **policy}, azure_container_client=CLIENT
        )
    with pytest.raises(ValueError, match="azure requires a container"):
        opened(policy)


def test_the_sdk_is_needed_for_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    provider: ExternalStorageProvider = provider_of("azure")
    assert provider.can_open_from_environment()
    assert provider.storage_class is AzureBlobExternalStorage
    monkeypatch.setitem(sys.modules, "azure.storage.blob", None)
    assert not provider.can_open_from_environment()
    with pytest.raises(ExternalStorageNotInstalledError, match=r'"dw-storage-azure\[azure\]"$'):
        opened({"config": {"bucket": "payloads"}})
    external_storage_driver_from_policy(
        {"driver": "azure", "reference": "payloads"}, azure_container_client=CLIENT
    )


def test_both_names_of_the_driver_are_one() -> None:
    assert provider_of("azure-blob") is provider_of("azure")


@pytest.mark.parametrize(
    ("environment", "config"),
    [
        ({"CONNECTION_STRING": CONNECTION}, {}),
        (
            {"CONNECTION_STRING": CONNECTION},
            {"endpoint": "https://orders.blob.core.windows.net/"},
        ),
        ({"ACCOUNT": "orders", "KEY": "a2V5"}, {}),
        ({"ACCOUNT": "orders", "SAS_TOKEN": "sig=x"}, {}),
        ({"KEY": "a2V5"}, {"endpoint": "https://orders.blob.core.windows.net"}),
        ({"ACCOUNT": "orders"}, {}),
    ],
)
def test_the_account_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], config: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"AZURE_STORAGE_{name}", value)
    storage = opened({"config": {"bucket": "b", "prefix": "p", **config}})
    assert (storage.container, storage.prefix) == ("b", "p")
    url = storage.container_client.url
    assert url.split("?")[0] == "https://orders.blob.core.windows.net/b"
    assert ("sig=x" in url) == ("SAS_TOKEN" in environment)


@pytest.mark.parametrize(
    ("environment", "config", "complaint"),
    [
        ({}, {}, "requires an endpoint in the policy, or AZURE_STORAGE_CONNECTION_STRING"),
        ({"KEY": "k"}, {"endpoint": "https://elsewhere.example"}, "https endpoint of Azure"),
        ({"KEY": "k"}, {"endpoint": "http://a.blob.core.windows.net"}, "https endpoint of Azure"),
        (
            {"CONNECTION_STRING": CONNECTION},
            {"endpoint": "https://x.example"},
            "is not the account",
        ),
        ({"CONNECTION_STRING": "nonsense"}, {}, "AZURE_STORAGE_CONNECTION_STRING"),
        ({"ACCOUNT": "a"}, {"auth_profile": "billing"}, "has no auth_profile"),
        ({"ACCOUNT": "a"}, {"prefix": "../x"}, "unsafe segment"),
    ],
)
def test_a_policy_that_cannot_be_opened(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    config: dict[str, str],
    complaint: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"AZURE_STORAGE_{name}", value)
    with pytest.raises(ValueError, match=complaint):
        opened({"config": {"bucket": "b", **config}})


def test_the_machines_identity_needs_another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT", "orders")
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    with pytest.raises(ExternalStorageNotInstalledError, match="needs azure-identity"):
        opened({"config": {"bucket": "b"}})


def test_the_errors_of_the_sdk_are_named() -> None:
    errors = provider_of("azure").errors()
    assert issubclass(HttpResponseError, errors)
    assert issubclass(ServiceRequestError, errors)
    assert not issubclass(ValueError, errors)
