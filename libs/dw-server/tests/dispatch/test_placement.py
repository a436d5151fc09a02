"""Tasks are claimed, sent and given back, with a queue in memory for the store."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from durable_workflow.server.notices import (
    DueAt,
    TaskDropped,
    TaskOffered,
    TaskReady,
)
from durable_workflow.server.store.errors import StoreError

from .conftest import KEY, TX, Scene, Sink, pushed, task, until


async def test_without_streams_nothing_is_wanted_and_polls_are_left_to_the_commit(
    scene: Scene,
) -> None:
    poll = scene.poll("p")
    ready = TaskReady("workflow", "default", "q", task(1))
    assert not scene.placement.wants([ready])
    assert scene.placement.place(TX, [ready]) == [ready]
    assert not poll.woken


async def test_a_task_is_claimed_by_name_in_its_unit_and_pushed_after_the_commit(
    scene: Scene,
) -> None:
    stream = scene.stream("w")
    left = scene.uncommitted(task(1))
    assert scene.claims == [("w", "t1")]
    assert [type(notice) for notice in left] == [TaskOffered]
    assert (stream.credits("workflow"), pushed(stream)) == (9, [])
    scene.placement.publish(left)
    assert pushed(stream) == ["t1"]


async def test_other_notices_keep_their_place(scene: Scene) -> None:
    scene.stream("w")
    scene.tasks["workflow"] = [task(1)]
    ready = TaskReady("workflow", "default", "q", task(1))
    query = TaskReady("query", "default", "q")
    left = scene.placement.place(TX, [DueAt(1), ready, query])
    assert [type(notice) for notice in left] == [DueAt, TaskOffered, TaskReady]


async def test_a_full_a_draining_and_a_clogged_stream_get_nothing(scene: Scene) -> None:
    full, draining, clogged = scene.stream("f", 0), scene.stream("d"), scene.stream("c")
    draining.draining = True
    cast("Sink", clogged.sink).clogged = True
    left = scene.unit(task(1))
    assert [type(notice) for notice in left] == [TaskReady]
    assert [pushed(each) for each in (full, draining, clogged)] == [[], [], []]
    assert scene.placement.shown("default", "q")["waiting"]["workflow"] == [
        {"type": "flow", "build_id": None}
    ]


async def test_what_waited_goes_before_what_is_new(scene: Scene) -> None:
    stream = scene.stream("w", 1)
    scene.unit(task(1))
    scene.unit(task(2))
    stream.slots["workflow"] = 2
    scene.unit(task(3))
    assert pushed(stream) == ["t1", "t2"]
    stream.slots["workflow"] = 3
    scene.placement.look_for(stream)
    scene.unit()
    assert pushed(stream) == ["t1", "t2", "t3"]


async def test_where_something_waited_a_new_task_brings_all_that_there_are_slots_for(
    scene: Scene,
) -> None:
    stream = scene.stream("w", 0)
    scene.unit(task(1))
    scene.unit(task(2))
    stream.slots["workflow"] = 3
    scene.unit(task(3))
    assert pushed(stream) == ["t1", "t2", "t3"]


async def test_what_waited_is_shared_out_fairly_and_no_further_than_there_are_slots(
    scene: Scene,
) -> None:
    scene.tasks["workflow"] = [task(number) for number in range(9)]
    one, two = scene.stream("one", 0), scene.stream("two", 0)
    for stream in (one, two):
        stream.slots["workflow"] = 4
        scene.placement.look_for(stream)
    scene.unit()
    assert (len(pushed(one)), len(pushed(two))) == (4, 4)
    assert [each.task_id for each in scene.tasks["workflow"]] == ["t8"]


async def test_one_unit_makes_a_limited_number_of_claims_and_others_go_on(scene: Scene) -> None:
    stream = scene.stream("w", 0)
    scene.tasks["workflow"] = [task(number) for number in range(50)]
    stream.slots["workflow"] = 100
    scene.placement.look_for(stream)
    scene.unit()
    assert len(pushed(stream)) == 20
    await until(lambda: len(pushed(stream)) == 50)
    assert pushed(stream) == [f"t{number}" for number in range(50)]


async def test_activities_that_waited_are_claimed_together(scene: Scene) -> None:
    stream = scene.stream("w", 0)
    scene.tasks["activity"] = [task(number) for number in range(5)]
    stream.slots["activity"] = 3
    scene.placement.look_for(stream)
    scene.claims_of_waiting.clear()
    scene.unit()
    assert scene.claims_of_waiting == [["w", "w", "w"]]
    assert pushed(stream) == ["t0", "t1", "t2"]
    assert stream.credits("activity") == 0


async def test_a_task_goes_to_the_stream_it_was_claimed_for_where_one_before_it_is_lost(
    scene: Scene,
) -> None:
    first, second = scene.stream("first", 0), scene.stream("second", 0)
    scene.tasks["activity"] = [task(1), task(2)]
    scene.lost.add("t1")
    for stream in (first, second):
        stream.slots["activity"] = 1
        scene.placement.look_for(stream)
    scene.unit()
    assert (pushed(first), pushed(second)) == ([], ["t2"])
    assert first.credits("activity") == 1


async def test_activities_that_are_claimed_together_are_shared_out_as_one_by_one(
    scene: Scene,
) -> None:
    small, large = scene.stream("small", 0), scene.stream("large", 0)
    scene.tasks["activity"] = [task(number) for number in range(8)]
    small.slots["activity"], large.slots["activity"] = 2, 4
    for stream in (small, large):
        scene.placement.look_for(stream)
    scene.claims_of_waiting.clear()
    scene.unit()
    [served] = scene.claims_of_waiting
    # Who has the smaller share, then who was served longest ago.
    assert served == ["small", "large", "large", "small", "large", "large"]
    assert (pushed(small), pushed(large)) == (["t0", "t3"], ["t1", "t2", "t4", "t5"])


async def test_streams_that_look_for_other_activities_are_served_by_claims_of_their_own(
    scene: Scene,
) -> None:
    one = scene.stream("one", 0, activity_types=["a"])
    two = scene.stream("two", 0, activity_types=["b"])
    scene.tasks["activity"] = [task(1, "b"), task(2, "a"), task(3, "b"), task(4, "a")]
    for stream in (one, two):
        stream.slots["activity"] = 2
        scene.placement.look_for(stream)
    scene.unit()
    assert (pushed(one), pushed(two)) == (["t2", "t4"], ["t1", "t3"])
    assert all(len(set(workers)) == 1 for workers in scene.claims_of_waiting)


async def test_one_unit_claims_a_limited_number_of_activities_together(scene: Scene) -> None:
    stream = scene.stream("w", 0)
    scene.tasks["activity"] = [task(number) for number in range(50)]
    stream.slots["activity"] = 100
    scene.placement.look_for(stream)
    scene.unit()
    assert len(pushed(stream)) == 20
    await until(lambda: len(pushed(stream)) == 50)
    assert pushed(stream) == [f"t{number}" for number in range(50)]


async def test_a_claim_of_several_that_fails_leaves_the_credits(scene: Scene) -> None:
    stream = scene.stream("w", 0)
    scene.tasks["activity"] = [task(number) for number in range(3)]
    stream.slots["activity"] = 3
    scene.placement.look_for(stream)
    scene.claims.clear()
    scene.fails_at = 2
    with pytest.raises(StoreError):
        scene.unit()
    assert (stream.credits("activity"), stream.tasks("activity")) == (3, set())


async def test_giving_out_ends_when_nothing_is_left(scene: Scene) -> None:
    stream = scene.stream("w", 0)
    stream.slots["workflow"] = 1
    scene.placement.look_for(stream)
    await until(lambda: not scene.placement.wants([]))
    units = scene.empty_units
    for _ in range(10):
        scene.placement.look_for(stream)
        await asyncio.sleep(0)
    assert scene.empty_units == units


async def test_an_activity_knows_no_build_and_is_counted_apart(scene: Scene) -> None:
    stream = scene.stream("w", 1, activity_types=["act"], build_id="b1")
    scene.unit(task(1))
    scene.unit(task(2, "act"), kind="activity")
    scene.unit(task(3, "other"), kind="activity")
    assert pushed(stream) == ["t1", "t2"]
    assert (stream.credits("workflow"), stream.credits("activity")) == (0, 0)


async def test_what_is_revoked_gives_the_slot_back_and_is_not_pushed(scene: Scene) -> None:
    stream = scene.stream("w")
    left = scene.uncommitted(task(1))
    assert stream.credits("workflow") == 9
    scene.roll_back(left, task(1))
    assert (stream.credits("workflow"), pushed(stream)) == (10, [])
    assert scene.streams.holder("workflow", "t1", 1) is None
    assert not scene.placement.wants([])  # at once the store would fail again


async def test_a_workflow_task_with_a_claim_may_leave_before_its_commit(scene: Scene) -> None:
    stream = scene.stream("w", names_claims=True)
    [offered] = scene.uncommitted(task(1))
    assert scene.placement.send_early(offered)
    scene.placement.publish([offered])  # as where its store lost count of what has left
    assert pushed(stream) == ["t1"]


@pytest.mark.parametrize("why_not", ["activity", "no claim", "paged"])
async def test_what_may_not_leave_early_waits_for_its_commit(scene: Scene, why_not: str) -> None:
    stream = scene.stream("w", names_claims=why_not != "no claim")
    left = scene.uncommitted(task(1), kind="activity" if why_not == "activity" else "workflow")
    assert isinstance(left[0], TaskOffered)
    if why_not == "paged":
        left[0].task["next_history_page_token"] = "more"
    assert not scene.placement.send_early(left[0])
    assert pushed(stream) == []
    scene.placement.publish(left)
    assert pushed(stream) == ["t1"]


async def test_a_stream_that_was_sent_what_is_revoked_ends_and_others_stay(scene: Scene) -> None:
    early, late = scene.stream("early", names_claims=True), scene.stream("late")
    left = scene.uncommitted(task(1), task(2))
    assert sum(map(scene.placement.send_early, left)) == 1
    scene.roll_back(left, task(1), task(2))
    ends = [(cast(Sink, each.sink).closed, each.credits("workflow")) for each in (early, late)]
    assert ends == [([4503], 0), ([], 10)]


async def test_after_a_revoke_nothing_is_believed_and_all_look_again_a_little_later(
    scene: Scene,
) -> None:
    stream = scene.stream("w")
    left = scene.uncommitted(task(1))
    scene.placement.revoke(left)
    scene.tasks["workflow"] = [task(1)]  # the claim is undone: the task waits
    await until(lambda: bool(pushed(stream)))
    assert pushed(stream) == ["t1"]


async def test_a_claim_that_fails_fails_the_unit_and_gives_back_what_it_claimed(
    scene: Scene,
) -> None:
    stream = scene.stream("w")
    first = scene.uncommitted(task(1))
    scene.fails_at = 2
    with pytest.raises(StoreError):
        scene.uncommitted(task(2))
    assert stream.tasks("workflow") == {("t1", 1)}
    scene.placement.publish(first)
    assert pushed(stream) == ["t1"]


async def test_a_unit_that_fails_at_its_second_claim_gives_back_the_first(scene: Scene) -> None:
    stream = scene.stream("w")
    scene.fails_at = 2
    with pytest.raises(StoreError):
        scene.uncommitted(task(1), task(2))
    assert (stream.tasks("workflow"), stream.credits("workflow")) == (set(), 10)


async def test_a_dropped_attempt_is_told_to_the_stream_that_has_it_and_to_no_other(
    scene: Scene,
) -> None:
    has, other = scene.stream("has"), scene.stream("other")
    scene.unit(task(1), kind="activity")
    scene.placement.publish([TaskDropped("t1", "a", "timed out"), TaskDropped("t1", "b", "x")])
    assert cast("Sink", has.sink).cancelled == [("t1", "timed out")]
    assert cast("Sink", other.sink).cancelled == []


async def test_a_wake_up_that_was_lost_is_made_good_by_a_stream(scene: Scene) -> None:
    stream = scene.stream("w")
    scene.tasks["workflow"] = [task(1)]  # committed for a poll that went away
    scene.placement.look_in(KEY)
    scene.unit()
    assert pushed(stream) == ["t1"]


async def test_a_stream_that_has_ended_is_fed_no_more(scene: Scene) -> None:
    stream = scene.stream("w", 0)
    scene.tasks["workflow"] = [task(1)]
    stream.slots["workflow"] = 1
    scene.placement.look_for(stream)
    scene.streams.remove(stream)
    scene.placement.forget(stream)
    scene.unit()
    assert (pushed(stream), scene.tasks["workflow"]) == ([], [task(1)])


async def test_of_a_queue_without_streams_nothing_is_remembered(scene: Scene) -> None:
    stream, elsewhere = scene.stream("w", 0), scene.stream("x", task_queue="other")
    scene.unit(task(1))
    waiting = [{"type": "flow", "build_id": None}]
    assert scene.placement.shown("default", "q")["waiting"]["workflow"] == waiting
    scene.streams.remove(stream)
    scene.placement.forget(stream)
    assert scene.placement.shown("default", "q") == {"streams": [], "waiting": {}}
    assert set(scene.placement.shown("default", "other")["waiting"]) == {"workflow", "activity"}

    again = scene.stream("w")  # which looks for what waits, whatever was known before
    assert (pushed(again), pushed(elsewhere)) == (["t1"], [])
