"""One server for the examples that share one, as their READMEs have it."""

from collections.abc import Iterator

import pytest

from integration.harness.processes import ServerProcess


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """The server of `examples/README.md`."""
    with ServerProcess(tmp_path_factory.mktemp("examples") / "examples.db") as server:
        yield server
