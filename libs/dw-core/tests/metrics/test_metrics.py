import copy
import dataclasses
import pickle
import subprocess
import sys
import threading
import time
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from durable_workflow import metrics
from durable_workflow.metrics import NOOP_METRICS, InMemoryMetrics, MetricsRecorder, NoopMetrics
from durable_workflow.metrics._counting import count


@pytest.mark.parametrize("recorder", [NOOP_METRICS, InMemoryMetrics()])
def test_recorders_speak_the_protocol(recorder: Any) -> None:
    assert isinstance(recorder, MetricsRecorder)
    recorder.increment("a")
    recorder.record("b", 1.0, {"x": "y"})


def test_the_shared_recorder_records_nothing() -> None:
    assert type(NOOP_METRICS) is NoopMetrics
    assert vars(NOOP_METRICS) == {}


def test_counters_add_up_by_name_and_tags() -> None:
    recorder = InMemoryMetrics()
    recorder.increment("requests", tags={"method": "GET", "plane": "control"})
    recorder.increment("requests", 2.5, {"plane": "control", "method": "GET"})
    recorder.increment("requests", tags={"method": "POST"})
    assert recorder.counter_value("requests", {"method": "GET", "plane": "control"}) == 3.5
    assert recorder.counter_value("requests") == 0.0
    assert recorder.counters == {
        ("requests", (("method", "GET"), ("plane", "control"))): 3.5,
        ("requests", (("method", "POST"),)): 1.0,
    }


def test_observations_are_kept_in_order_and_given_as_a_copy() -> None:
    recorder = InMemoryMetrics()
    recorder.record("seconds", 2.0)
    recorder.record("seconds", 1.0)
    recorder.observations("seconds").append(3.0)
    assert recorder.observations("seconds") == [2.0, 1.0]
    assert recorder.observations("other") == []


def test_tags_are_text() -> None:
    recorder = InMemoryMetrics()
    recorder.increment("a", tags={"status": 200})  # type: ignore[dict-item]  # what is tested
    assert recorder.counter_value("a", {"status": "200"}) == 1.0


def test_recorders_are_equal_by_what_they_hold() -> None:
    one, two = InMemoryMetrics(), InMemoryMetrics({}, {})
    assert one == two
    one.increment("a")
    assert one != two
    assert repr(one) == "InMemoryMetrics(counters={('a', ()): 1.0}, histograms={})"


def test_what_was_recorded_is_a_value_that_can_be_copied_and_sent() -> None:
    recorder = InMemoryMetrics()
    recorder.increment("a")
    recorder.record("b", 1.0)
    assert [field.name for field in dataclasses.fields(recorder)] == ["counters", "histograms"]
    assert dataclasses.asdict(recorder) == {
        "counters": {("a", ()): 1.0},
        "histograms": {("b", ()): [1.0]},
    }
    assert pickle.loads(pickle.dumps(recorder)) == recorder
    copied = copy.deepcopy(recorder)
    copied.increment("a")
    assert (recorder.counter_value("a"), copied.counter_value("a")) == (1.0, 2.0)


def test_threads_lose_nothing() -> None:
    recorder = InMemoryMetrics()

    def work() -> None:
        for _ in range(2000):
            recorder.increment("a")
            recorder.record("b", 1.0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert recorder.counter_value("a") == 8000
    assert len(recorder.observations("b")) == 8000


def test_metrics_are_called_as_published() -> None:
    names = {name: getattr(metrics, name) for name in metrics.__all__ if name.isupper()}
    del names["NOOP_METRICS"]
    assert names == {
        name: f"durable_workflow_{name.lower()}"
        for name in (
            "CLIENT_REQUESTS",
            "CLIENT_REQUEST_DURATION_SECONDS",
            "SERVER_DUE_FAILURES",
            "SERVER_STREAMS",
            "WORKER_POLLS",
            "WORKER_POLL_DURATION_SECONDS",
            "WORKER_TASKS",
            "WORKER_TASK_DURATION_SECONDS",
        )
    }


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The module as before `PrometheusMetrics` was first asked for."""
    namespace = metrics.__dict__
    kept = namespace.get("PrometheusMetrics")
    namespace.pop("PrometheusMetrics", None)
    yield monkeypatch
    namespace.pop("PrometheusMetrics", None)
    if kept is not None:
        namespace["PrometheusMetrics"] = kept


def test_prometheus_metrics_can_be_imported_without_its_wheel_but_not_made(fresh: Any) -> None:
    fresh.setitem(sys.modules, "durable_workflow.metrics_prometheus", None)
    from durable_workflow.metrics import PrometheusMetrics

    assert PrometheusMetrics.__name__ == "PrometheusMetrics"
    assert PrometheusMetrics.__module__ == "durable_workflow.metrics"
    with pytest.raises(RuntimeError, match="pip install dw-metrics-prometheus"):
        PrometheusMetrics(registry=None)


def test_prometheus_metrics_is_the_class_of_its_wheel(fresh: Any) -> None:
    module = types.ModuleType("durable_workflow.metrics_prometheus")
    vars(module)["PrometheusMetrics"] = type("PrometheusMetrics", (), {})
    fresh.setitem(sys.modules, module.__name__, module)
    assert metrics.PrometheusMetrics is vars(module)["PrometheusMetrics"]
    assert metrics.PrometheusMetrics is metrics.PrometheusMetrics


def test_other_names_are_not_attributes() -> None:
    assert not hasattr(metrics, "StatsdMetrics")


def test_a_broken_prometheus_wheel_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "durable_workflow").mkdir()
    (tmp_path / "durable_workflow" / "metrics_prometheus.py").write_text("import no_such_package")
    program = f"""
import durable_workflow
durable_workflow.__path__.insert(0, {str(tmp_path / "durable_workflow")!r})
try:
    durable_workflow.PrometheusMetrics
except ModuleNotFoundError as error:
    print(error.name)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("no_such_package\n", "")


@pytest.mark.parametrize(("method", "metric"), [("increment", "requests"), ("record", "seconds")])
def test_a_recorder_that_raises_disturbs_nothing_and_is_logged_once(
    method: str, metric: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Full(InMemoryMetrics):
        """One for each case, which is told of by itself."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError("no space left")

    recorder = Full()
    setattr(recorder, method, refuse)
    for _ in range(3):
        count(recorder, "requests", "seconds", time.perf_counter(), {"plane": "control"})
    [record] = caplog.records
    assert (record.name, record.levelname) == ("durable_workflow.metrics", "WARNING")
    assert f"Full failed on {metric}" in record.getMessage()
    assert "OSError: no space left" in caplog.text
    # What it refuses of the one leaves the other.
    counted = recorder.counter_value("requests", {"plane": "control"})
    times = [len(each) for each in recorder.histograms.values()]
    assert (counted, times) == ((0, [3]) if method == "increment" else (3, []))


def test_an_interrupt_reaches_who_counts() -> None:
    class Interrupted(InMemoryMetrics):
        def increment(self, *_: object, **__: object) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        count(Interrupted(), "requests", "seconds", 0.0, {})
