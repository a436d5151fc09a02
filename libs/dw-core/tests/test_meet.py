import inspect
import json
from pathlib import Path
from unittest.mock import AsyncMock

import pytest

from durable_workflow import _meet

# Arguments of our own, for servers that say that they take them.
EXTENSIONS = {("complete_workflow_task", "keep_history")}


class Client:
    """A transport of a certain type."""


class OtherClient(Client):
    """A transport of a type below it."""


@pytest.fixture
def clone_factories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_meet, "_clone_factories", {})


@pytest.mark.usefixtures("clone_factories")
def test_only_the_exact_type_can_be_cloned() -> None:
    def factory(client: Client, **overrides: object) -> Client:
        return Client()

    _meet.register_transport_clone(Client, factory)
    assert _meet.transport_clone_for(Client()) is factory
    assert _meet.transport_clone_for(OtherClient()) is None
    assert _meet.transport_clone_for(AsyncMock(spec=Client)) is None


def test_a_mock_of_a_transport_passes_for_one() -> None:
    assert isinstance(AsyncMock(spec=_meet.WorkerTransport), _meet.WorkerTransport)
    assert not isinstance(Client(), _meet.ActivityHeartbeatTransport)


def test_a_transport_of_the_published_protocol_names_no_session() -> None:
    assert not isinstance(AsyncMock(spec=_meet.WorkerTransport), _meet.SessionTransport)


def test_the_worker_plane_has_its_published_signatures(spec_data: Path) -> None:
    signatures = json.loads((spec_data.parent / "python-api-signatures.json").read_text())
    published = signatures["durable_workflow.client"]["Client"]["methods"]
    calls = {
        name: method
        for protocol in (_meet.WorkerTransport, _meet.ActivityHeartbeatTransport)
        for name, method in vars(protocol).items()
        if inspect.iscoroutinefunction(method)
    }
    assert len(calls) == 15
    for name, method in calls.items():
        parameters = [
            (parameter.name, parameter.kind.name, parameter.default)
            for parameter in inspect.signature(method).parameters.values()
            if (name, parameter.name) not in EXTENSIONS
        ]
        expected = [
            (entry["name"], entry["kind"], default_of(entry))
            for entry in published[name]["parameters"]
        ]
        assert parameters == expected, name


def default_of(entry: dict[str, str]) -> object:
    """The default value that a published parameter has."""
    if "default" not in entry:
        return inspect.Parameter.empty
    return {"None": None, "'avro'": "avro", "'python'": "python", "False": False, "35.0": 35.0}.get(
        entry["default"], entry["default"].strip("'")
    )
