from typing import Any
from unittest.mock import AsyncMock

import pytest

from durable_workflow import _meet
from durable_workflow._meet import _registries


class Client:
    """A transport of a certain type."""


class OtherClient(Client):
    """A transport of a type below it."""


@pytest.fixture
def factories(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_registries, "_clone_factories", {})
    monkeypatch.setattr(_registries, "_transport_factories", {})
    monkeypatch.setattr(_registries, "_own_methods", {})


@pytest.mark.usefixtures("factories")
def test_only_the_exact_type_can_be_cloned() -> None:
    def factory(client: Client, **overrides: object) -> Client:
        return Client()

    _meet.register_transport_clone(Client, factory)
    assert _meet.transport_clone_for(Client()) is factory
    assert _meet.transport_clone_for(OtherClient()) is None
    assert _meet.transport_clone_for(AsyncMock(spec=Client)) is None


@pytest.mark.usefixtures("factories")
@pytest.mark.parametrize("name", ["heartbeat_worker", "_request"])
def test_a_client_with_a_replaced_method_is_not_copied(name: str) -> None:
    _meet.register_transport_clone(Client, AsyncMock())
    client = Client()
    vars(client)[name] = AsyncMock()
    assert _meet.transport_clone_for(client) is None


def test_a_mock_of_a_client_passes_for_one() -> None:
    assert isinstance(AsyncMock(spec=_meet.WorkerClient), _meet.WorkerClient)
    assert not isinstance(Client(), _meet.ActivityHeartbeatTransport)


def test_a_client_of_the_published_protocol_names_no_session() -> None:
    assert not isinstance(AsyncMock(spec=_meet.WorkerClient), _meet.SessionClient)


def test_the_methods_of_a_worker_client_are_published_ones(published: dict[str, Any]) -> None:
    published_methods = published["durable_workflow.client"]["Client"]["methods"]
    methods = {
        name
        for protocol in (_meet.WorkerClient, _meet.ActivityHeartbeatTransport)
        for name in vars(protocol)
        if not name.startswith("_")
    }
    assert len(methods) == 15
    assert methods <= published_methods.keys()


@pytest.mark.usefixtures("factories")
def test_a_client_with_a_replaced_method_is_called_by_its_methods() -> None:
    transport = AsyncMock(spec=_meet.WorkerTransport)
    _meet.register_worker_transport(Client, lambda client: transport)
    client = Client()
    assert _meet.worker_transport_for(client) is transport
    assert _meet.worker_transport_for(OtherClient()) is None
    vars(client)["poll_workflow_task"] = AsyncMock()
    assert _meet.worker_transport_for(client) is None


@pytest.mark.usefixtures("factories")
def test_a_client_whose_class_has_a_replaced_method_is_called_by_its_methods(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    transport = AsyncMock(spec=_meet.WorkerTransport)
    _meet.register_worker_transport(Client, lambda client: transport)
    with monkeypatch.context() as patched:
        patched.setattr(Client, "poll_workflow_task", AsyncMock(), raising=False)
        assert _meet.worker_transport_for(Client()) is None
    assert _meet.worker_transport_for(Client()) is transport


@pytest.mark.usefixtures("factories")
def test_to_ask_whether_a_client_takes_a_transport_makes_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Client] = []
    _meet.register_worker_transport(Client, made.append)  # type: ignore[arg-type]
    assert _meet.takes_transport(Client())
    assert not _meet.takes_transport(OtherClient())
    monkeypatch.setattr(Client, "poll_workflow_task", AsyncMock(), raising=False)
    assert not _meet.takes_transport(Client())
    assert made == []


def test_errors_that_mean_no_answer_are_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    class Reset(Exception):
        """What an HTTP library raises."""

    monkeypatch.setattr(_registries, "_unanswered", [ConnectionError])
    assert not _meet.is_unanswered(Reset())
    _meet.register_unanswered(Reset)
    assert _meet.is_unanswered(Reset())
    assert _meet.is_unanswered(_meet.ServerUnreachable("refused"))


def test_a_lease_names_its_attempt_by_the_kind_of_its_task() -> None:
    assert _meet.Lease("activity", "t", "a-1", "w").fields() == {
        "lease_owner": "w",
        "activity_attempt_id": "a-1",
    }
    assert _meet.Lease("workflow", "t", 2, "w").fields() == {
        "lease_owner": "w",
        "workflow_task_attempt": 2,
    }


def test_a_lease_is_read_from_a_task_as_the_server_sent_it() -> None:
    activity = {"task_id": "t", "activity_attempt_id": "a-1", "workflow_task_attempt": 3}
    assert _meet.lease_of("activity", activity, "w") == _meet.Lease("activity", "t", "a-1", "w")
    query = {"query_task_id": "q", "query_task_attempt": 1}
    assert _meet.lease_of("query", query, "w") == _meet.Lease("query", "q", 1, "w")
    for kind, task in (
        ("workflow", {"task_id": "t"}),
        ("workflow", {"workflow_task_attempt": 1}),
        ("query", activity),
        ("nexus", activity),
        ("workflow", None),
    ):
        assert _meet.lease_of(kind, task, "w") is None
