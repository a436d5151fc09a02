"""Reports of several tasks: the loop that reads the stream sends them together, and by itself."""

import asyncio
import threading
from typing import Any, cast

from durable_workflow._meet import Lease, Report
from durable_workflow.client._stream._outbox import MOST_GATHERED, Outbox
from durable_workflow.client._stream._shortcut import MOST_BYTES

Json = dict[str, Any]
SECONDS = 10


def report_of(found: Json, blob: str = "1") -> Report:
    lease = Lease("activity", found["task_id"], "a", "w")
    return Report(lease, "complete", {"result": {"codec": "json", "blob": blob}})


async def given(apart: Any, peer: Any, count: int) -> list[Json]:
    """Have the worker get tasks whose stream this loop reads."""
    first = await apart.until_read_here(peer, 0)
    await peer.send(*(apart.activity(number) for number in range(1, count)))
    return [first] + [await apart.stream.poll("activity", timeout=SECONDS) for _ in range(1, count)]


def reporting(apart: Any, found: list[Json], blob: str = "1") -> list[asyncio.Task[Any]]:
    return [asyncio.create_task(apart.stream.report(report_of(each, blob))) for each in found]


async def test_reports_of_several_tasks_leave_together_and_need_no_other_thread(
    apart: Any, server: Any
) -> None:
    peer = await server.peer()
    found = await given(apart, peer, 3)
    with apart.standing_still():
        reports = reporting(apart, found)
        messages = [await peer.next() for _ in found]
        assert [len(frame) for frame in peer.frames] == [3]
        await peer.acknowledge(*messages)
        assert await asyncio.gather(*reports) == [{}, {}, {}]


async def test_reports_of_the_following_turns_join_those_that_wait(apart: Any, server: Any) -> None:
    peer = await server.peer()
    found = await given(apart, peer, 3)
    with apart.standing_still():
        reports: list[asyncio.Task[Any]] = []
        for each in found:
            reports += reporting(apart, [each])
            await asyncio.sleep(0)
        messages = [await peer.next() for _ in found]
    assert [len(frame) for frame in peer.frames] == [3]
    await peer.acknowledge(*messages)
    await asyncio.gather(*reports)


async def test_of_many_reports_the_server_gets_some_while_others_are_made(
    apart: Any, server: Any
) -> None:
    peer = await server.peer()
    found = await given(apart, peer, 2 * MOST_GATHERED + 1)
    with apart.standing_still():
        reports = reporting(apart, found)
        messages = [await peer.next() for _ in found]
    assert [len(frame) for frame in peer.frames] == [MOST_GATHERED, MOST_GATHERED, 1]
    await peer.acknowledge(*messages)
    await asyncio.gather(*reports)


async def test_large_reports_are_left_to_the_streams_thread(apart: Any, server: Any) -> None:
    peer = await server.peer()
    found = await given(apart, peer, 2)
    with apart.standing_still():
        reports = reporting(apart, found, "x" * MOST_BYTES)
        await asyncio.sleep(0)
        assert not peer.frames
    messages = [await peer.next() for _ in found]
    assert {each["task_id"] for each in messages} == {"t-0", "t-1"}
    await peer.acknowledge(*messages)
    await asyncio.gather(*reports)


async def test_reports_are_sent_again_where_a_cut_comes_across(apart: Any, server: Any) -> None:
    peer = await server.peer()
    found = await given(apart, peer, 3)
    reports = reporting(apart, found)
    await peer.cut()
    peer = await server.peer()
    messages = [await peer.next() for _ in found]
    assert {each["task_id"] for each in messages} == {"t-0", "t-1", "t-2"}
    await peer.acknowledge(*messages)
    assert await asyncio.wait_for(asyncio.gather(*reports), SECONDS) == [{}, {}, {}]


async def test_what_a_loop_has_gathered_leaves_while_it_is_held_up(
    apart: Any, asking: Any, server: Any
) -> None:
    peer = await server.peer()
    number = await asking.until_it_reads(peer)
    last = f"t-{number + 2}"
    reports: set[asyncio.Task[Any]] = set()

    def report(found: Json) -> None:
        reports.add(asyncio.create_task(apart.stream.report(report_of(found))))
        if found["task_id"] == last:
            # Behind the reports, and before the loop looks at what it has gathered.
            asyncio.get_running_loop().call_soon(asking.goes_on.wait, 2 * SECONDS)

    asking.on_task = report
    await peer.send(apart.activity(number + 1), apart.activity(number + 2))
    messages = [await peer.next(), await peer.next()]
    assert not asking.goes_on.is_set()
    assert [each["task_id"] for each in messages] == [f"t-{number + 1}", last]


class Connection:
    """Notes what is sent by which thread."""

    def __init__(self) -> None:
        self.has_room_here = True
        self.sent: list[tuple[str, bytes]] = []

    def send_here(self, frame: bytes, /) -> bool:
        if self.has_room_here:
            self.sent.append(("here", frame))
        return self.has_room_here

    def send_now(self, frame: bytes, /) -> bool:
        self.sent.append(("own", frame))
        return True


def outbox_of(connection: Connection) -> Outbox:
    return Outbox(cast("Any", connection), threading.Lock())


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_message_of_the_streams_thread_takes_along_what_another_loop_gathers() -> None:
    connection = Connection()
    outbox = outbox_of(connection)
    outbox.gather(b"1")
    outbox.put(b"2")
    await turns()
    assert connection.sent == [("own", b"[1,2]")]
    outbox.gather(b"3")
    await turns()
    assert connection.sent[1:] == [("here", b"[3]")], "and nothing is sent twice"


async def test_what_cannot_leave_here_is_left_to_the_streams_thread() -> None:
    connection = Connection()
    connection.has_room_here = False
    outbox = outbox_of(connection)
    for number in range(MOST_GATHERED + 1):
        outbox.gather(b"%d" % number)
    await turns()
    assert b"".join(frame for _, frame in connection.sent) == b"[0,1,2,3,4,5,6,7,8]"
    assert {how for how, _ in connection.sent} == {"own"}


async def test_what_was_gathered_for_a_stream_that_has_ended_is_forgotten() -> None:
    connection = Connection()
    connection.has_room_here = False
    made: list[Outbox] = []

    async def make() -> None:
        made.append(outbox_of(connection))

    await asyncio.to_thread(asyncio.run, make())
    failures: list[Json] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, about: failures.append(about))
    made[0].gather(b"1")
    await turns()
    assert (failures, connection.sent) == ([], [])
