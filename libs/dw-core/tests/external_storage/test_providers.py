"""Drivers of other wheels, found by the entry points of what is installed."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import external_storage
from durable_workflow.external_storage import (
    ExternalPayloadStoragePolicy,
    ExternalStorageNotInstalledError,
    ExternalStorageProvider,
    external_storage_driver_from_policy,
)
from durable_workflow.external_storage._providers import installed_drivers, provider_of

CLIENTS = {"s3_client": "S3", "gcs_client": "GCS", "azure_container_client": "AZ"}
CLASSES = {
    "s3": "S3ExternalStorage",
    "gcs": "GCSExternalStorage",
    "azure": "AzureBlobExternalStorage",
}

Install = Callable[..., None]


class Recorded:
    """Stands in for a driver: keeps what it was made with."""

    def __init__(self, policy: ExternalPayloadStoragePolicy, client: Any) -> None:
        self.made_with = (policy, client)

    def put(self, data: bytes, *, sha256: str, codec: str) -> str:
        raise NotImplementedError

    def get(self, uri: str) -> bytes:
        raise NotImplementedError

    def delete(self, uri: str) -> None:
        raise NotImplementedError


class RecordingProvider:
    """A provider as a wheel has it."""

    storage_class = Recorded

    def with_client(self, policy: ExternalPayloadStoragePolicy, client: Any) -> Recorded:
        return Recorded(policy, client)

    def from_environment(self, policy: ExternalPayloadStoragePolicy) -> Recorded:
        return Recorded(policy, "of the environment")

    def can_open_from_environment(self) -> bool:
        return True

    def errors(self) -> tuple[type[Exception], ...]:
        return (ConnectionError,)


PROVIDER: ExternalStorageProvider = RecordingProvider()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs distributions with entry points; no other distribution is installed."""
    monkeypatch.setitem(sys.modules, "provider_of_this_test", sys.modules[__name__])
    for class_name in CLASSES.values():
        monkeypatch.delitem(vars(external_storage), class_name, raising=False)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    provider_of.cache_clear()

    def add(*names: str, of: str = "some-wheel", value: str = "PROVIDER") -> None:
        folder = tmp_path / f"{of.replace('-', '_')}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {of}\nVersion: 1.0\n")
        rows = [f"{name} = provider_of_this_test:{value}" for name in names]
        text = "\n".join(["[durable_workflow.storage]", *rows, ""])
        (folder / "entry_points.txt").write_text(text)

    yield add
    provider_of.cache_clear()
    for class_name in CLASSES.values():
        external_storage.__dict__.pop(class_name, None)


@pytest.mark.parametrize(
    ("driver", "client"), [("S3", "S3"), ("gcs", "GCS"), ("azure", "AZ"), ("azure-blob", "AZ")]
)
def test_a_driver_is_opened_with_the_client_of_the_application(
    install: Install, driver: str, client: str
) -> None:
    install(*CLASSES, "azure-blob")
    document = {"driver": driver, "config": {"bucket": "b"}}
    policy = ExternalPayloadStoragePolicy.from_dict(document)
    for given in (document, policy):
        storage: Any = external_storage_driver_from_policy(given, **CLIENTS)
        assert storage.made_with == (policy, client)


def test_a_driver_of_somebody_else_is_found_like_one_of_ours(install: Install) -> None:
    install("tape", of="tape-library")
    policy = ExternalPayloadStoragePolicy.from_dict({"driver": "tape"})
    storage: Any = external_storage_driver_from_policy(policy)
    assert storage.made_with == (policy, "of the environment")
    assert installed_drivers() == {"tape"}


def test_driver_classes_are_attributes_of_the_module(install: Install) -> None:
    install(*CLASSES)
    for class_name in CLASSES.values():
        assert getattr(external_storage, class_name) is Recorded
        assert vars(external_storage)[class_name] is Recorded


@pytest.mark.usefixtures("install")
@pytest.mark.parametrize("driver", CLASSES)
def test_a_missing_wheel_says_what_to_install(driver: str) -> None:
    line = f"pip install dw-storage-{driver}$"
    with pytest.raises(ExternalStorageNotInstalledError, match=line) as caught:
        external_storage_driver_from_policy({"driver": driver}, **CLIENTS)
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, ValueError)
    with pytest.raises(ImportError, match=line):
        getattr(external_storage, CLASSES[driver])
    assert installed_drivers() == frozenset()


@pytest.mark.usefixtures("install")
@pytest.mark.parametrize(
    ("driver", "wanted"),
    [("s3", "s3_client"), ("gcs", "gcs_client"), ("azure", "azure_container_client")],
)
def test_a_missing_client_is_told_before_a_missing_wheel(driver: str, wanted: str) -> None:
    with pytest.raises(ValueError, match=f"{driver} requires {wanted}") as caught:
        external_storage_driver_from_policy({"driver": driver, "reference": "b"})
    assert not isinstance(caught.value, ImportError)


def test_two_distributions_with_different_drivers_of_one_name_are_refused(
    install: Install,
) -> None:
    install("tape", of="one-library")
    install("tape", of="another-library", value="RecordingProvider")
    with pytest.raises(ValueError, match=r"tape is brought by several distributions: .*PROVIDER"):
        external_storage_driver_from_policy({"driver": "tape"})


def test_one_driver_that_is_seen_twice_is_one(install: Install) -> None:
    install("tape", of="one-library")
    install("tape", of="fork-of-it")
    assert provider_of("tape") is PROVIDER


def test_a_wheel_that_is_broken_says_so_itself(install: Install) -> None:
    install("tape", value="no_such_object")
    with pytest.raises(AttributeError, match="no_such_object"):
        external_storage_driver_from_policy({"driver": "tape"})


def test_what_is_installed_later_is_found(install: Install) -> None:
    with pytest.raises(ValueError, match="unsupported external payload storage driver: tape"):
        provider_of("tape")
    install("tape")
    assert provider_of("tape") is PROVIDER


def test_other_names_are_not_attributes() -> None:
    assert not hasattr(external_storage, "FtpExternalStorage")
