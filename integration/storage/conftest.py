"""The three stores, each emulated by a process that lives as long as the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration.storage import emulators
from integration.storage.stores import GCS, S3, Azure, Store


@pytest.fixture(scope="session")
def emulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Store]]:
    """The stores by the name of their driver."""
    emulators.install()
    folder = tmp_path_factory.mktemp("azurite")
    with emulators.moto() as s3, emulators.gcs() as gcs, emulators.azurite(folder) as azure:
        stores: dict[str, Store] = {"s3": S3(s3), "gcs": GCS(gcs), "azure": Azure(azure)}
        for store in stores.values():
            store.make()
        yield stores
        for store in stores.values():
            store.close()


@pytest.fixture(params=["s3", "gcs", "azure"])
def store(request: pytest.FixtureRequest, emulated: dict[str, Store]) -> Store:
    return emulated[request.param]
