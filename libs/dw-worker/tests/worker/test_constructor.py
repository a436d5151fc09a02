"""What a worker accepts, and what it makes of what it is given."""

# pyright: reportPrivateUsage=false
import functools
from typing import Any, Generic, TypeVar
from unittest.mock import AsyncMock

import pytest

from durable_workflow import activity, workflow
from durable_workflow.external_storage import LocalFilesystemExternalStorage
from durable_workflow.metrics import NOOP_METRICS, InMemoryMetrics
from durable_workflow.worker import QUERY_TASKS_CAPABILITY, Worker

T = TypeVar("T")


@workflow.defn(name="named")
class Named:
    def run(self, ctx: Any) -> int:
        return 1


class Plain:
    def run(self, ctx: Any) -> int:
        return 1


@activity.defn(name="named-activity")
def named_activity() -> None: ...


def plain_activity() -> None: ...


class WithoutRun:
    """What a forgotten, or misspelt, method leaves."""


def test_a_class_without_run_is_told_of(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    Worker(server, task_queue="q", workflows=[WithoutRun, Plain])
    [said] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "WithoutRun (type 'WithoutRun') has no method `run`" in said


class AsyncRun:
    async def run(self, ctx: Any) -> int:
        return 1


class WithoutContext:
    def run(self) -> int:
        return 1


class WithArguments:
    def __init__(self, shop: str, *, limit: int, days: int = 3) -> None: ...
    def run(self, ctx: Any) -> int:
        return 1


@pytest.mark.parametrize(
    ("cls", "problem"),
    [
        (AsyncRun, "has an async `run`, which must be a generator that yields commands"),
        (WithoutContext, "has a `run` that does not take `ctx`"),
        (WithArguments, "has an `__init__` with arguments (shop, limit)"),
    ],
)
def test_a_class_of_which_no_run_can_begin_is_told_of(
    server: Any, caplog: pytest.LogCaptureFixture, cls: type, problem: str
) -> None:
    Worker(server, task_queue="q", workflows=[cls])
    [said] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert said.endswith(f"{cls.__name__}') {problem}: each of its tasks will fail")


class Lenient:
    def __init__(self, *args: Any, days: int = 3, **others: Any) -> None: ...
    def run(self, *args: Any) -> int:
        return 1


class Static:
    @staticmethod
    def run(ctx: Any) -> int:
        return 1


def given_context(function: Any) -> Any:
    @functools.wraps(function)
    def run(self: Any, ctx: Any) -> Any:
        self.ctx = ctx
        return function(self)

    return run


class Wrapped:
    @given_context
    def run(self) -> int:
        return 1


class Called:
    def __call__(self, ctx: Any) -> int:
        return 1


class WithObject:
    run = Called()


class WithPartial:
    run = functools.partial(len)


@pytest.mark.parametrize("cls", [Lenient, Static, Wrapped, WithObject, WithPartial])
def test_what_can_run_is_not_told_of(
    server: Any, caplog: pytest.LogCaptureFixture, cls: type
) -> None:
    Worker(server, task_queue="q", workflows=[cls])
    assert caplog.records == []


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"workflows": [Plain()]}, "workflows must be classes, and .* is none"),
        ({"workflows": Plain}, r"workflows must be a list of classes, as in \[...\], not"),
        ({"workflows": "Plain"}, "workflows must be a list of classes"),
        ({"activities": ["named-activity"]}, "activities must be functions, and .* is none"),
        ({"activities": plain_activity}, "activities must be a list of functions"),
        ({"activities": 5}, "activities must be a list of functions"),
        ({"max_concurrent_workflow_tasks": 1.5}, "must be a whole number, not of type float"),
        ({"max_concurrent_activity_tasks": "5"}, "must be a whole number, not of type str"),
        ({"metrics": object()}, "metrics must be a MetricsRecorder, not of type object"),
    ],
)
def test_arguments_of_a_wrong_type_are_told_of(
    server: Any, wrong: dict[str, Any], says: str
) -> None:
    with pytest.raises(TypeError, match=says):
        Worker(server, task_queue="q", **wrong)


class Blocking:
    """Has what a blocking client has."""

    def __init__(self) -> None:
        self._async = object()

    def poll_workflow_task(self) -> None: ...


@pytest.mark.parametrize(
    ("client", "says"),
    [
        ("http://localhost:8080", "client must be a Client, not of type str"),
        (None, "client must be a Client, not of type NoneType"),
        (Blocking(), "client must be the async Client"),
    ],
)
def test_what_cannot_be_a_client_is_refused(client: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        Worker(client, task_queue="q")


def test_names_come_from_decorators_else_from_python(server: Any) -> None:
    worker = Worker(
        server,
        task_queue="q",
        workflows=[Named, Plain],
        activities=[named_activity, plain_activity],
    )
    assert worker.workflows == {"named": Named, "Plain": Plain}
    assert worker.activities == {
        "named-activity": named_activity,
        "plain_activity": plain_activity,
    }
    assert set(worker.workflow_definition_fingerprints) == {"named", "Plain"}
    assert worker.worker_id.startswith("py-worker-")
    assert len(worker.worker_id) == len("py-worker-") + 8
    assert QUERY_TASKS_CAPABILITY == "query_tasks"


@pytest.mark.parametrize(
    "wrong",
    [
        {"build_id": ""},
        {"build_id": "  "},
        {"build_id": 7},
        {"worker_id": ""},
        {"worker_id": " "},
        {"max_concurrent_workflow_tasks": 0},
        {"max_concurrent_activity_tasks": 0},
        {"heartbeat_interval": 0},
        {"external_storage_threshold_bytes": 0},
        {"workflow_deadline_seconds": 0},
        {"max_cached_workflows": -1},
        {"max_cached_bytes": -1},
    ],
)
def test_values_out_of_range_are_refused(server: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Worker(server, task_queue="q", **wrong)


def test_a_queue_is_never_blank(server: Any) -> None:
    with pytest.raises(ValueError, match="task_queue must not be blank"):
        Worker(server, task_queue=" ")


def test_ids_are_taken_without_the_space_around_them(server: Any) -> None:
    worker = Worker(server, task_queue=" q ", worker_id=" w ")
    assert (worker.task_queue, worker.worker_id) == ("q", "w")


def _redefined(query: str) -> type:
    class Redefined:
        def run(self, ctx: Any) -> int:
            return 1

        def ask(self) -> int:
            return 2

    Redefined.__workflow_queries__ = {query: "ask"}  # type: ignore[attr-defined]
    return Redefined


def test_one_worker_id_keeps_one_definition(server: Any) -> None:
    def make(definition: type) -> Worker:
        return Worker(server, task_queue="q", workflows=[definition], worker_id="guarded")

    make(_redefined("old"))
    make(_redefined("old"))
    with pytest.raises(RuntimeError, match=r"^Workflow definition changed"):
        make(_redefined("new"))


class Attributed:
    """A transport with the optional attributes of a client."""

    namespace = "default"
    metrics: Any = None
    external_storage: Any = None
    external_storage_threshold_bytes: Any = None
    external_storage_cache: Any = None
    payload_size_warning_config: Any = None

    async def poll_workflow_task(self) -> None: ...


def test_a_mock_of_a_client_is_accepted() -> None:
    client = AsyncMock(spec=Attributed)
    for name in ("metrics", "external_storage", "external_storage_cache", "namespace"):
        setattr(client, name, AsyncMock())
    client.external_storage_threshold_bytes = AsyncMock()
    client.payload_size_warning_config = AsyncMock()
    worker = Worker(client, task_queue="q")
    assert worker.metrics is NOOP_METRICS
    assert worker.external_storage is None
    assert worker.external_storage_threshold_bytes is None
    assert worker.external_storage_cache is None


def test_settings_default_to_those_of_the_client(tmp_path: Any) -> None:
    client = Attributed()
    client.metrics = InMemoryMetrics()
    client.external_storage = LocalFilesystemExternalStorage(tmp_path)
    client.external_storage_threshold_bytes = 10
    worker = Worker(client, task_queue="q")  # type: ignore[arg-type]  # only looked at here
    assert worker.metrics is client.metrics
    assert worker.external_storage is client.external_storage
    assert worker.external_storage_threshold_bytes == 10
    assert worker._payloads.storage_options() != {}


class Typed(Generic[T]):
    def run(self, ctx: Any) -> None: ...


class Wrapper:
    """An application's own client, around ours."""

    def __init__(self, client: Any) -> None:
        self._async = client

    async def poll_workflow_task(self, **_: Any) -> None: ...


def test_a_generic_class_and_a_client_around_ours_are_accepted() -> None:
    wrapper: Any = Wrapper(Attributed())
    worker = Worker(wrapper, task_queue="q", workflows=[Typed[int]], worker_id="generic")
    assert worker.client is wrapper
