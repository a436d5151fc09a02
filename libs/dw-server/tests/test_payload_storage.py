"""The places of policies whose drivers are in other wheels."""

import errno
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.external_storage import (
    ExternalPayloadStoragePolicy,
    ExternalStorageNotInstalledError,
    ExternalStorageProvider,
)
from durable_workflow.external_storage._providers import provider_of
from durable_workflow.server.payload_storage import PayloadStorage, StorageUnavailable


class Refused(Exception):
    """What the provider's SDK raises."""


class Tape:
    """A driver whose store keeps what it is given, or refuses everything."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.kept: dict[str, bytes] = {}

    def put(self, data: bytes, *, sha256: str, codec: str) -> str:
        if self.config.get("bucket") == "sealed":
            raise Refused("no key.\nErrorCode:NoKey\n<xml/>")
        uri = f"tape://{codec}/{sha256}"
        self.kept[uri] = b"noise" if self.config.get("bucket") == "worn" else data
        return uri

    def get(self, uri: str) -> bytes:
        if uri not in self.kept:
            raise FileNotFoundError(errno.ENOENT, "gone")
        return self.kept[uri]

    def delete(self, uri: str) -> None:
        del self.kept[uri]


class TapeProvider:
    """Opens tapes."""

    storage_class = Tape

    def with_client(self, policy: ExternalPayloadStoragePolicy, client: Any) -> Tape:
        return Tape(dict(policy.config))

    def from_environment(self, policy: ExternalPayloadStoragePolicy) -> Tape:
        if policy.config.get("bucket") == "unsupported":
            raise ExternalStorageNotInstalledError("pip install tape")
        if not policy.config.get("bucket"):
            raise ValueError("tape requires a bucket")
        return Tape(dict(policy.config))

    def can_open_from_environment(self) -> bool:
        return True

    def errors(self) -> tuple[type[Exception], ...]:
        return (Refused,)


PROVIDER: ExternalStorageProvider = TapeProvider()


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A wheel with the driver `tape` is installed."""
    folder = tmp_path / "tape_library-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: tape-library\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(
        "[durable_workflow.storage]\ntape = provider_of_this_test:PROVIDER\n"
    )
    monkeypatch.setitem(sys.modules, "provider_of_this_test", sys.modules[__name__])
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    provider_of.cache_clear()
    yield
    provider_of.cache_clear()


@pytest.fixture
def storage() -> PayloadStorage:
    return PayloadStorage(None)


async def test_a_driver_of_another_wheel_is_opened_and_probed(storage: PayloadStorage) -> None:
    opened = storage.open("default", "tape", {"bucket": "b", "prefix": "p"})
    told = await storage.probe(opened, b"payload")
    assert (told["status"], told["bytes"], told["verified"]) == ("passed", 7, True)
    assert told["reference_uri"].startswith("tape://storage-probe/")
    with pytest.raises(FileNotFoundError):
        opened.get(told["reference_uri"])


@pytest.mark.parametrize(
    ("driver", "config", "complaint"),
    [
        ("tape", {}, "cannot open the storage driver tape: tape requires a bucket"),
        ("tape", {"bucket": "unsupported"}, "driver tape: pip install tape"),
        ("punch-cards", {"bucket": "b"}, "driver punch-cards: unsupported"),
    ],
)
def test_what_cannot_be_opened_says_why(
    storage: PayloadStorage, driver: str, config: dict[str, str], complaint: str
) -> None:
    with pytest.raises(StorageUnavailable, match=complaint):
        storage.open("default", driver, config)


async def test_errors_of_a_provider_are_errors_of_the_system(storage: PayloadStorage) -> None:
    opened = storage.open("default", "tape", {"bucket": "sealed"})
    with pytest.raises(OSError, match="Refused: no key") as caught:
        opened.put(b"x", sha256="", codec="avro")
    assert caught.value.errno == errno.EIO
    assert isinstance(caught.value.__cause__, Refused)
    # The first line of what the client says, as one sentence.
    with pytest.raises(StorageUnavailable) as unavailable:
        await storage.probe(opened, b"payload")
    assert str(unavailable.value) == "A payload could not be kept: Refused: no key."


async def test_a_store_that_gives_other_bytes_back_fails_the_probe(
    storage: PayloadStorage,
) -> None:
    with pytest.raises(StorageUnavailable, match="other bytes"):
        await storage.probe(storage.open("default", "tape", {"bucket": "worn"}), b"payload")
