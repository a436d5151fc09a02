from collections.abc import Callable

import pytest

from durable_workflow.serializer import _avro, _avro_runtimes

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
    return request.param
