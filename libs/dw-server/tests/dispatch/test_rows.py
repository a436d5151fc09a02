"""Who gets new runs in a row, by what workers tell of their tasks."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from itertools import groupby
from typing import Any

import pytest

from durable_workflow.server.dispatch.streams import Stream
from durable_workflow.server.notices import TaskKind

from .conftest import Scene, pushed, task


def workers(scene: Scene, slots: int = 50) -> list[Stream]:
    return [scene.stream(name, slots) for name in ("a", "b", "c", "d")]


def tell(
    scene: Scene, stream: Stream, took_ms: float, times: int = 200, kind: TaskKind = "workflow"
) -> None:
    for _ in range(times):
        scene.placement.choices.note_took(stream, kind, round(took_ms * 1000))


def report(scene: Scene, stream: Stream, took_ms: float) -> None:
    """Have everything reported that a worker has."""
    for held, attempt in stream.tasks("workflow"):
        scene.streams.give_back(stream, "workflow", held, attempt)
        scene.placement.choices.note_took(stream, "workflow", round(took_ms * 1000))


def given(scene: Scene, streams: list[Stream], count: int) -> list[str]:
    """Who gets each of so many new runs, of which nothing is reported."""
    before = [len(pushed(each)) for each in streams]
    scene.unit(*(task(f"{sum(before)}-{number:03}") for number in range(count)))
    order = {
        name: each.worker.worker_id
        for each, had in zip(streams, before, strict=True)
        for name in pushed(each)[had:]
    }
    return [order[name] for name in sorted(order)]


def rows(names: list[str]) -> list[tuple[str, int]]:
    return [(name, len(list(group))) for name, group in groupby(names)]


async def test_quick_tasks_of_a_turn_go_to_one_worker(scene: Scene) -> None:
    streams = workers(scene)
    tell(scene, streams[0], 1)
    assert rows(given(scene, streams, 10)) == [("a", 10)]


async def test_tasks_of_which_nothing_is_known_go_to_all_workers_in_turn(scene: Scene) -> None:
    streams = workers(scene)
    assert given(scene, streams, 8) == ["a", "b", "c", "d"] * 2


async def test_a_few_quick_tasks_prove_nothing(scene: Scene) -> None:
    streams = workers(scene)
    tell(scene, streams[0], 1, times=10)
    assert given(scene, streams, 4) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("took_us", [None, "1", -1, [1], 10**400, 1.5])
async def test_workers_that_do_not_tell_get_tasks_in_turn(scene: Scene, took_us: Any) -> None:
    streams = workers(scene)
    for _ in range(200):
        scene.placement.choices.note_took(streams[0], "workflow", took_us)
    assert given(scene, streams, 4) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("took_ms", [6, 20, 10_000_000])
@pytest.mark.parametrize("kind", ["workflow", "activity"])
async def test_runs_that_compute_go_to_all_workers_in_turn_again_and_again(
    scene: Scene, took_ms: int, kind: TaskKind
) -> None:
    """Whether they compute themselves or in activities, which follow them."""
    streams = workers(scene)
    tell(scene, streams[0], 0.5)
    tell(scene, streams[0], took_ms, kind=kind)
    for _ in range(20):
        assert len(set(given(scene, streams, 4))) == 4
        for each in streams:
            report(scene, each, took_ms if kind == "workflow" else 0.5)


async def test_queries_are_not_counted(scene: Scene) -> None:
    streams = workers(scene)
    tell(scene, streams[0], 1)
    tell(scene, streams[0], 100, kind="query")
    assert rows(given(scene, streams, 4)) == [("a", 4)]


async def test_slow_tasks_among_quick_ones_are_noticed(scene: Scene) -> None:
    streams = workers(scene)
    tell(scene, streams[0], 1)
    tell(scene, streams[0], 200, times=5)
    assert len(set(given(scene, streams, 4))) == 4
    tell(scene, streams[0], 1)
    assert len(set(given(scene, streams, 4))) == 1, "and those that are quick again"


async def test_no_more_wait_behind_a_worker_that_stops_than_it_does_in_a_moment(
    scene: Scene,
) -> None:
    streams = workers(scene)
    tell(scene, streams[0], 4)
    assert rows(given(scene, streams, 24)) == [("a", 24)]
    # It has stopped: the others report at once.
    for _ in range(100):
        assert "a" not in given(scene, streams, 5)
        for each in streams[1:]:
            report(scene, each, 4)


async def test_a_worker_that_has_something_and_reports_nothing_loses_its_turn(scene: Scene) -> None:
    streams = workers(scene)
    tell(scene, streams[0], 0.1)
    assert given(scene, streams, 1) == ["a"]
    scene.now += 0.11
    assert given(scene, streams, 1) == ["b"]


async def test_a_worker_that_has_nothing_to_do_keeps_its_turn(scene: Scene) -> None:
    streams = workers(scene)
    tell(scene, streams[0], 0.1)
    for _ in range(2):
        assert given(scene, streams, 1) == ["a"]
        report(scene, streams[0], 0.1)
        scene.now += 0.2


async def test_the_turn_passes_on_so_that_all_workers_get_their_part(scene: Scene) -> None:
    streams = workers(scene)
    tell(scene, streams[0], 0.1)
    order: list[str] = []
    for _ in range(160):
        order += given(scene, streams, 1)
        for each in streams:
            report(scene, each, 0.1)
        scene.now += 1 / 32
    assert rows(order) == [("a", 32), ("b", 32), ("c", 32), ("d", 32), ("a", 32)]


async def test_where_one_worker_is_too_slow_for_all_the_others_are_given_work_too(
    scene: Scene,
) -> None:
    streams = workers(scene)
    tell(scene, streams[0], 2)
    order: list[str] = []
    for _ in range(200):
        order += given(scene, streams, 1)
        for each in streams:
            report(scene, each, 2)
        scene.now += 0.002
    first, *others = rows(order)
    assert first == ("a", 51)
    assert {count for _, count in others} == {1}
    scene.now += 5
    assert rows(given(scene, streams, 4))[0][1] > 1, "a little later it is tried again"


async def test_a_worker_that_is_busy_for_most_of_its_turn_keeps_it(scene: Scene) -> None:
    streams = workers(scene)
    tell(scene, streams[0], 2)
    order: list[str] = []
    for _ in range(100):
        order += given(scene, streams, 1)
        for each in streams:
            report(scene, each, 2)
        scene.now += 0.0025
    assert rows(order) == [("a", 100)]


async def test_a_row_goes_on_after_a_moment_in_which_nobody_had_a_free_slot(scene: Scene) -> None:
    streams = workers(scene, slots=2)
    tell(scene, streams[0], 0.1)
    assert given(scene, streams, 9) == ["a", "a", "b", "b", "c", "c", "d", "d"]
    for each in (streams[0], streams[3]):
        report(scene, each, 0.1)
    # With the one that has waited.
    assert given(scene, streams, 1) == ["d", "d"]


async def test_a_worker_with_few_slots_gets_no_more_in_a_row(scene: Scene) -> None:
    streams = workers(scene, slots=4)
    tell(scene, streams[0], 1)
    assert rows(given(scene, streams, 10)) == [("a", 4), ("b", 4), ("c", 2)]


async def test_a_worker_that_is_draining_loses_its_turn(scene: Scene) -> None:
    streams = workers(scene)
    tell(scene, streams[0], 1)
    assert given(scene, streams, 2) == ["a", "a"]
    streams[0].draining = True
    assert given(scene, streams, 2) == ["b", "b"]


async def test_a_poll_beside_streams_gets_its_part_as_if_nothing_were_quick(scene: Scene) -> None:
    streams = workers(scene)
    tell(scene, streams[0], 1)
    served: Counter[str] = Counter()
    for number in range(50):
        poll = scene.poll("p")
        scene.unit(task(number))
        served["poll" if poll.take() else "stream"] += 1
        scene.line.leave(poll)
        for each in streams:
            report(scene, each, 1)
    assert served == {"poll": 10, "stream": 40}


async def test_activities_are_not_given_in_a_row(scene: Scene) -> None:
    streams = workers(scene)
    tell(scene, streams[0], 1)
    scene.unit(*(task(number) for number in range(8)), kind="activity")
    assert [len(pushed(each)) for each in streams] == [2, 2, 2, 2]


@pytest.mark.parametrize(
    ("took_ms", "most"),
    [
        pytest.param(0.5, 50, id="all that it has slots for"),
        pytest.param(3, 33, id="as much as it does within 100 ms"),
        pytest.param(6, 25, id="half of its slots of slow ones"),
    ],
)
async def test_quick_activities_follow_their_runs_as_long_as_the_worker_would_soon_have_done_them(
    scene: Scene, took_ms: float, most: int
) -> None:
    near, *others = workers(scene)
    kinds: tuple[TaskKind, ...] = ("workflow", "activity")
    for kind in kinds:
        tell(scene, near, took_ms, times=1000, kind=kind)
    for number in range(60):
        scene.unit(task(number, near="a"), kind="activity")
    assert len(pushed(near)) == most
    assert sum(len(pushed(each)) for each in others) == 60 - most


async def test_what_was_told_of_a_queue_is_forgotten_with_its_last_stream(scene: Scene) -> None:
    streams = workers(scene)
    tell(scene, streams[0], 1)
    for each in streams:
        scene.streams.remove(each)
        scene.placement.forget(each)
    again = workers(scene)
    assert given(scene, again, 4) == ["a", "b", "c", "d"]


async def test_a_worker_that_is_gone_is_not_kept_by_its_row(scene: Scene) -> None:
    streams = workers(scene)
    tell(scene, streams[0], 0.1)
    assert given(scene, streams, 1) == ["a"]
    gone = streams.pop(0)
    scene.streams.remove(gone)
    scene.placement.forget(gone)
    left = weakref.ref(gone)
    del gone
    gc.collect()
    assert left() is None


async def test_of_a_queue_without_streams_nothing_is_kept(scene: Scene) -> None:
    (stream, *others) = workers(scene)
    for each in (stream, *others):
        scene.streams.remove(each)
        scene.placement.forget(each)
    tell(scene, stream, 0.1)
    assert len(set(given(scene, workers(scene), 4))) == 4
