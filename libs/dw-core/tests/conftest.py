import os
from collections.abc import Callable
from pathlib import Path

import pytest

from durable_workflow.serializer import _avro, _avro_runtimes

_SPEC = Path(__file__).resolve().parents[4] / "shared" / "spec"


@pytest.fixture(scope="session")
def spec_data() -> Path:
    """The folder with the specification's vectors and examples."""
    named = os.environ.get("DURABLE_WORKFLOW_SPEC_DATA")
    folder = Path(named) if named else _SPEC / "data"
    if not folder.is_dir():
        pytest.skip(f"the specification's data is not at {folder}")
    return folder


_RUNTIMES: dict[str, Callable[[], _avro_runtimes.AvroRuntime]] = {
    "apache": _avro_runtimes.ApacheAvro,
    "fastavro": _avro_runtimes.FastAvro,
}


@pytest.fixture(params=sorted(_RUNTIMES))
def avro_runtime(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test with either Avro library."""
    if request.param == "fastavro":
        pytest.importorskip("fastavro", reason="fastavro, the extra `speed`, is not installed")
    monkeypatch.setattr(_avro, "runtime", _RUNTIMES[request.param]())
    return str(request.param)
