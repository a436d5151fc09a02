"""`PrometheusMetrics`: what Prometheus sees of what is recorded."""

import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter, generate_latest

import durable_workflow
from durable_workflow import metrics
from durable_workflow.metrics import MetricsRecorder, PrometheusMetrics

REQUEST = {
    "method": "POST",
    "route": "/workflows",
    "plane": "control",
    "status_code": "201",
    "outcome": "ok",
}
POLL = {"task_kind": "workflow", "task_queue": "orders", "outcome": "task"}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def recorder(registry: CollectorRegistry) -> PrometheusMetrics:
    return PrometheusMetrics(registry=registry)


def series_of(registry: CollectorRegistry, name: str) -> list[Mapping[str, str]]:
    return [
        sample.labels
        for metric in registry.collect()
        for sample in metric.samples
        if sample.name == name
    ]


def test_it_is_found_where_it_is_published() -> None:
    assert durable_workflow.PrometheusMetrics is PrometheusMetrics
    assert PrometheusMetrics.__module__ == "durable_workflow.metrics"
    assert isinstance(PrometheusMetrics(registry=CollectorRegistry()), MetricsRecorder)


@pytest.mark.parametrize(
    ("counter", "histogram", "tags"),
    [
        (metrics.CLIENT_REQUESTS, metrics.CLIENT_REQUEST_DURATION_SECONDS, REQUEST),
        (metrics.WORKER_POLLS, metrics.WORKER_POLL_DURATION_SECONDS, POLL),
        (metrics.WORKER_TASKS, metrics.WORKER_TASK_DURATION_SECONDS, POLL),
    ],
)
def test_tags_become_labels(
    registry: CollectorRegistry,
    recorder: PrometheusMetrics,
    counter: str,
    histogram: str,
    tags: dict[str, str],
) -> None:
    recorder.increment(counter, tags=tags)
    recorder.increment(counter, 2.0, tags=tags)
    recorder.record(histogram, 0.2, tags=tags)
    assert registry.get_sample_value(f"{counter}_total", tags) == 3.0
    assert registry.get_sample_value(f"{histogram}_sum", tags) == 0.2
    below = registry.get_sample_value(f"{histogram}_bucket", {**tags, "le": "0.25"})
    above = registry.get_sample_value(f"{histogram}_bucket", {**tags, "le": "0.1"})
    assert (below, above) == (1.0, 0.0)
    assert f"# TYPE {histogram} histogram" in generate_latest(registry).decode()


def test_without_tags_there_are_no_labels(
    registry: CollectorRegistry, recorder: PrometheusMetrics
) -> None:
    recorder.increment("restarts")
    recorder.record("pauses", 1.0)
    assert registry.get_sample_value("restarts_total") == 1.0
    assert registry.get_sample_value("pauses_count") == 1.0


def test_tags_that_are_no_strings_are_recorded_as_strings(
    registry: CollectorRegistry, recorder: PrometheusMetrics
) -> None:
    given: Any = {"status_code": 200}
    recorder.increment("answers", tags=given)
    assert registry.get_sample_value("answers_total", {"status_code": "200"}) == 1.0


def test_recorders_of_one_registry_share_their_metrics(registry: CollectorRegistry) -> None:
    for recorder in (PrometheusMetrics(registry=registry), PrometheusMetrics(registry=registry)):
        recorder.increment(metrics.WORKER_POLLS, tags=POLL)
    assert registry.get_sample_value(f"{metrics.WORKER_POLLS}_total", POLL) == 2.0


def test_registries_are_apart(registry: CollectorRegistry, recorder: PrometheusMetrics) -> None:
    other = CollectorRegistry()
    PrometheusMetrics(registry=other).increment("restarts")
    recorder.increment("restarts")
    assert [each.get_sample_value("restarts_total") for each in (registry, other)] == [1.0, 1.0]


def test_by_default_it_is_the_registry_of_the_process() -> None:
    recorder = PrometheusMetrics()
    recorder.increment("test_of_the_default_registry")
    assert recorder.registry is REGISTRY
    assert REGISTRY.get_sample_value("test_of_the_default_registry_total") == 1.0


def test_a_name_keeps_its_labels_and_its_kind(recorder: PrometheusMetrics) -> None:
    recorder.increment("answers", tags={"status": "200"})
    with pytest.raises(ValueError, match=r"answers has the tags \['status'\].*\['reason'\]"):
        recorder.increment("answers", tags={"reason": "x"})
    with pytest.raises(ValueError, match="answers is not a histogram"):
        recorder.record("answers", 1.0, tags={"status": "200"})


def test_a_name_that_the_application_took_is_refused(registry: CollectorRegistry) -> None:
    Counter("answers", "Mine.", registry=registry)
    recorder = PrometheusMetrics(registry=registry)
    for _ in range(2):
        with pytest.raises(ValueError, match="Duplicated"):
            recorder.increment("answers")


def test_series_are_bounded(registry: CollectorRegistry, caplog: pytest.LogCaptureFixture) -> None:
    recorder = PrometheusMetrics(registry=registry, max_series=3)
    with caplog.at_level(logging.WARNING, "durable_workflow.metrics"):
        for number in range(50):
            recorder.increment("polls", tags={"outcome": "task", "task_queue": f"q{number}"})
    recorder.increment("polls", tags={"outcome": "task", "task_queue": "q1"})
    found = {labels["task_queue"] for labels in series_of(registry, "polls_total")}
    assert found == {"q0", "q1", "q2", "other"}
    other = {"outcome": "other", "task_queue": "other"}
    assert registry.get_sample_value("polls_total", other) == 47.0
    known = {"outcome": "task", "task_queue": "q1"}
    assert registry.get_sample_value("polls_total", known) == 2.0
    [warning] = caplog.messages
    assert "metric polls has 3 series" in warning
    with pytest.raises(ValueError, match="max_series must be at least 1"):
        PrometheusMetrics(max_series=0)


def test_threads_lose_nothing(registry: CollectorRegistry, recorder: PrometheusMetrics) -> None:
    def record() -> None:
        for _ in range(500):
            recorder.increment(metrics.WORKER_TASKS, tags=POLL)

    threads = [Thread(target=record) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.get_sample_value(f"{metrics.WORKER_TASKS}_total", POLL) == 4000.0


def test_processes_are_added_up_in_multiprocess_mode(tmp_path: Path) -> None:
    record = """
from durable_workflow.metrics import PrometheusMetrics
recorder = PrometheusMetrics()
recorder.increment("tasks", tags={"queue": "orders"})
recorder.record("seconds", 0.5)
"""
    show = """
from prometheus_client import CollectorRegistry, generate_latest, multiprocess
registry = CollectorRegistry()
multiprocess.MultiProcessCollector(registry)
print(generate_latest(registry).decode())
"""
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for program in (record, record, show):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    assert 'tasks_total{queue="orders"} 2.0' in done.stdout
    assert "seconds_count 2.0" in done.stdout
