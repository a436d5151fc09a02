"""Who gets a task, with a queue in memory for the store."""

from __future__ import annotations

from collections import Counter

import pytest

from durable_workflow.server.notices import PollWoken

from .conftest import Scene, pushed, task


async def test_streams_get_tasks_by_the_share_of_used_slots(scene: Scene) -> None:
    small, large = scene.stream("small", 10), scene.stream("large", 30)
    for number in range(20):
        scene.unit(task(number))
    assert (len(pushed(small)), len(pushed(large))) == (5, 15)


async def test_streams_of_equal_share_take_turns(scene: Scene) -> None:
    one, two = scene.stream("one"), scene.stream("two")
    for number in range(6):
        scene.unit(task(number))
        for stream in (one, two):
            for held, attempt in stream.tasks("workflow"):
                scene.streams.give_back(stream, "workflow", held, attempt)
    assert (pushed(one), pushed(two)) == (["t0", "t2", "t4"], ["t1", "t3", "t5"])


async def test_an_activity_goes_to_the_worker_it_is_near_to_while_half_of_its_slots_are_free(
    scene: Scene,
) -> None:
    near, other = scene.stream("near"), scene.stream("other")
    for number in range(8):
        scene.unit(task(number, near="near"), kind="activity")
    assert len(pushed(near)) == 5
    assert pushed(other) == ["t5", "t6", "t7"], "beyond that the shares decide"


async def test_activities_that_become_ready_together_keep_all_workers_busy(scene: Scene) -> None:
    streams = [scene.stream(name, 50) for name in ("a", "b", "c", "d")]
    for _ in range(3):
        scene.unit(*(task(number) for number in range(4)), kind="activity")
    assert [len(pushed(stream)) for stream in streams] == [3, 3, 3, 3]


@pytest.mark.parametrize("used", [0, 1, 12])
async def test_runs_that_start_together_and_their_single_activities_keep_all_workers_busy(
    scene: Scene, used: int
) -> None:
    """However much each has to do: an activity may compute, and follows its run's machine."""
    streams = {name: scene.stream(name, 50) for name in ("a", "b", "c", "d")}
    scene.unit(*(task(number) for number in range(4 * used)))
    scene.unit(*(task(number) for number in range(100, 104)))
    keepers = [name for name, each in streams.items() for _ in pushed(each)[used:]]
    assert keepers == ["a", "b", "c", "d"]
    activities = [task(200 + at, near=name) for at, name in enumerate(keepers)]
    scene.unit(*activities, kind="activity")
    assert [pushed(each)[-1] for each in streams.values()] == ["t200", "t201", "t202", "t203"]


async def test_a_worker_that_is_not_there_or_may_not_is_not_waited_for(scene: Scene) -> None:
    near, other = scene.stream("near"), scene.stream("other")
    near.draining = True
    scene.unit(task(1, near="near"), task(2, near="gone"), kind="activity")
    assert (pushed(near), pushed(other)) == ([], ["t1", "t2"])


async def test_a_stream_gets_only_what_fits_its_types_and_its_build(scene: Scene) -> None:
    mail = scene.stream("mail", workflow_types=["mail"])
    build = scene.stream("build", workflow_types=["flow"], build_id="b1")
    scene.unit(task(1, "mail"), task(2, build_id="b1"), task(3, build_id="b2"))
    assert (pushed(mail), pushed(build)) == (["t1"], ["t2"])


async def test_a_run_goes_to_its_keeper_even_if_that_is_fuller(scene: Scene) -> None:
    keeper, other = scene.stream("keeper", 2), scene.stream("other", 100)
    scene.unit(task(1, keeper="keeper"))
    scene.unit(task(2, keeper="keeper"))
    assert (pushed(keeper), pushed(other)) == (["t1", "t2"], [])
    scene.unit(task(3, keeper="keeper"))  # which has no slot: it is not waited for
    assert pushed(other) == ["t3"]
    assert scene.busy[-1] == {"keeper"}


async def test_a_keeper_that_polls_is_woken_before_a_stream_with_free_slots(scene: Scene) -> None:
    stream = scene.stream("w")
    stranger, keeper = scene.poll("stranger"), scene.poll("keeper")
    assert scene.unit(task(1, keeper="keeper")) == [PollWoken()]
    assert (stranger.woken, keeper.woken, pushed(stream)) == (False, True, [])


async def test_a_poll_gets_its_share_beside_a_stream(scene: Scene) -> None:
    stream = scene.stream("w")
    served: Counter[str] = Counter()
    for number in range(20):
        poll = scene.poll("p")
        scene.unit(task(number))
        served["poll" if poll.woken else "stream"] += 1
        poll.take()
        scene.line.leave(poll)
        for held, attempt in stream.tasks("workflow"):
            scene.streams.give_back(stream, "workflow", held, attempt)
    assert served == {"poll": 10, "stream": 10}


@pytest.mark.parametrize("used", [0, 1, 60])
async def test_neither_a_stream_nor_a_poll_that_is_always_there_takes_everything(
    scene: Scene, used: int
) -> None:
    """However many of its slots the stream uses, as long as it has one."""
    stream = scene.stream("w", 100)
    scene.unit(*(task(f"long-{number}") for number in range(used)))
    served: Counter[str] = Counter()
    for number in range(20):
        poll = scene.poll("p")
        scene.unit(task(number))
        served["poll" if poll.woken else "stream"] += 1
        poll.take()
        scene.line.leave(poll)
    assert served == {"poll": 10, "stream": 10}
    assert stream.credits("workflow") == 90 - used


async def test_one_of_three_workers_that_poll_gets_as_much_as_a_stream(scene: Scene) -> None:
    stream = scene.stream("w", 100)
    polls = {name: scene.poll(name) for name in ("a", "b", "c")}
    served: Counter[str] = Counter()
    for number in range(40):
        scene.unit(task(number))
        for name, poll in polls.items():
            served[name] += poll.take()
    assert served == {"a": 10, "b": 10, "c": 10}
    assert len(pushed(stream)) == 10


async def test_a_poll_that_may_not_take_a_task_is_not_woken(scene: Scene) -> None:
    stream = scene.stream("w", 0)
    mail, build = scene.poll("m", workflow_types=["mail"]), scene.poll("b", build_id="b1")
    scene.unit(task(1, build_id="b2"))
    assert (mail.woken, build.woken) == (False, False)
    scene.unit(task(2, build_id="b1"))
    assert (mail.woken, build.woken, pushed(stream)) == (False, True, [])


async def test_the_turns_of_ten_thousand_pollers_are_remembered_and_no_more(scene: Scene) -> None:
    stream = scene.stream("w")

    def goes_to_the_poll(number: int, worker_id: str) -> bool:
        poll = scene.poll(worker_id)
        scene.unit(task(number))
        for held, attempt in stream.tasks("workflow"):
            scene.streams.give_back(stream, "workflow", held, attempt)
        woken = poll.take()
        scene.line.leave(poll)
        return woken

    assert [goes_to_the_poll(number, "p") for number in range(4)] == [False, True, False, True]
    assert all(goes_to_the_poll(number, f"p{number}") for number in range(4, 10_004))
    assert goes_to_the_poll(10_004, "p")  # it would have been the stream's turn
