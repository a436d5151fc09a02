"""Tasks of a worker that is found to be gone while its stream still stands."""

from __future__ import annotations

import pytest

from durable_workflow.server.notices import TaskReady, WorkerGone

from .conftest import TX, Scene, pushed, task


@pytest.mark.parametrize("is_known", [True, False])
async def test_what_a_worker_had_that_is_gone_is_not_given_to_it_again(
    scene: Scene, is_known: bool
) -> None:
    """Others may have no slot, or a fuller share: it would wait until that one is missed again."""
    gone, full = scene.stream("gone"), scene.stream("full", 1)
    scene.unit(task(1), task(2))
    assert (pushed(gone), pushed(full)) == (["t1"], ["t2"])
    freed = task(3)
    scene.tasks["workflow"].append(freed)
    ready = TaskReady("workflow", "default", "q", freed if is_known else None)
    left = scene.placement.place(TX, [ready, WorkerGone("default", "gone", "gone")])
    assert [type(notice) for notice in left] == [TaskReady, WorkerGone]

    scene.streams.give_back(full, "workflow", "t2", 1)
    scene.streams.remove(gone)
    scene.placement.look_for(full)
    scene.unit()
    assert pushed(full) == ["t2", "t3"]


async def test_a_worker_that_registers_anew_gets_tasks_as_before(scene: Scene) -> None:
    stream = scene.stream("w")
    scene.placement.place(TX, [WorkerGone("default", "w", "w")])
    scene.unit(task(1))
    assert pushed(stream) == ["t1"]
