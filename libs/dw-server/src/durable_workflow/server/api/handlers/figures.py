"""The figures of the server for those who watch it."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from durable_workflow import __version__
from durable_workflow.server.api.calls import Call
from durable_workflow.server.api.operations import Nothing, Operation
from durable_workflow.server.api.roles import ADMINS, OPERATORS
from durable_workflow.server.dispatch import Dispatcher
from durable_workflow.server.figures import Family, Sample
from durable_workflow.server.replies import Reply
from durable_workflow.server.settings import MetricsAccess
from durable_workflow.server.store import Store
from durable_workflow.server.views.backlogs import Backlogs, QueueKey, Waiting, with_series

_ROLES: Final[dict[MetricsAccess, tuple[str, ...]]] = {
    "anyone": (),
    "operator": OPERATORS,
    "admin": ADMINS,
}
# What was counted is told again for so long, and for so many times as long as counting took: with
# however many readers, counting takes at most a fiftieth of one processor's time.
_KEPT_SECONDS: Final = 5.0
_KEPT_TIMES: Final = 50


class Counted(Protocol):
    """Something that counts."""

    def families(self) -> Iterator[Family]:
        """What was counted."""
        ...


class FigureHandlers:
    """What `/metrics` tells.

    Args:
        counted: What counts as things happen.
        access: Who may read.
    """

    def __init__(
        self,
        store: Store,
        dispatcher: Dispatcher,
        counted: Sequence[Counted],
        access: MetricsAccess,
    ) -> None:
        self._store = store
        self._dispatcher = dispatcher
        self._counted = counted
        self._roles = _ROLES[access]
        self._counting = asyncio.Lock()
        self._backlogs: list[Family] = []
        self._kept_until = 0.0
        self._shown: set[QueueKey] = set()

    def operations(self) -> list[Operation[Nothing]]:
        """The operations."""
        return [Operation("show_figures", self._roles, Nothing, self._show, namespaced=False)]

    async def _show(self, call: Call, asked: Nothing) -> Reply:
        families = [family for each in self._counted for family in each.families()]
        families += await self._of_backlogs()
        families += [*self._of_dispatch(), *self._of_store(), _info()]
        return Reply({}, families=families)

    async def _of_backlogs(self) -> list[Family]:
        """What waits, counted anew where that is long ago; readers wait for one count together."""
        shown = self._shown
        async with self._counting:
            began = time.monotonic()
            if began >= self._kept_until:
                found = await self._store.read_apart(Backlogs)
                for name in found.named:
                    await self._store.read_apart(functools.partial(found.count, namespace=name))
                # Apart too: callers can make very many queues.
                series = await self._store.read_apart(lambda _: with_series(found.queues, shown))
                self._backlogs = list(self._families(found, series))
                ended = time.monotonic()
                self._kept_until = ended + max(_KEPT_SECONDS, _KEPT_TIMES * (ended - began))
            return self._backlogs

    def _families(self, found: Backlogs, series: dict[QueueKey, Waiting]) -> Iterator[Family]:
        queues = [
            ({"namespace": key.namespace, "task_queue": key.task_queue, "kind": key.kind}, waiting)
            for key, waiting in series.items()
        ]
        yield _gauge(
            "ready_tasks",
            "Tasks that a worker could take now.",
            (Sample(waiting.ready, labels) for labels, waiting in queues),
        )
        yield _gauge(
            "delayed_tasks",
            "Tasks that rest before their next attempt.",
            (Sample(waiting.delayed, labels) for labels, waiting in queues),
        )
        yield _gauge(
            "oldest_ready_task_seconds",
            "How long the oldest ready task has been waiting.",
            (Sample(waiting.oldest_seconds, labels) for labels, waiting in queues),
        )
        yield _gauge(
            "leases",
            "Tasks that workers have.",
            (
                Sample(count, {"namespace": namespace, "kind": kind})
                for (namespace, kind), count in found.leases.items()
            ),
        )
        yield _one("namespaces", "Namespaces that are served.", found.namespaces)
        yield _one(
            "due_late_seconds",
            "How late the first of the timers, deadlines and leases is that fell due.",
            found.late_seconds,
        )
        about = "Items that fell due, could not be handled and are tried again."
        yield _one("set_aside_items", about, found.set_aside)

    def _of_dispatch(self) -> Iterator[Family]:
        dispatcher = self._dispatcher
        yield _one("streams", "Streams of workers that are open.", len(dispatcher.streams))
        yield _one("held_requests", "Requests that are held.", dispatcher.admission.held)
        kinds = dict.fromkeys(("workflow", "activity", "query"), 0)
        for key, count in dispatcher.held_polls().items():
            kinds[key.kind] += count
        yield _gauge(
            "held_polls",
            "Polls that are held.",
            (Sample(count, {"kind": kind}) for kind, count in kinds.items()),
        )

    def _of_store(self) -> Iterator[Family]:
        sizes = self._store.sizes()
        if sizes is None:
            return
        parts = {"database": sizes.database, "log": sizes.log}
        yield _gauge(
            "store_bytes",
            "Space that the state takes on its disk.",
            (Sample(size, {"part": part}) for part, size in parts.items()),
        )
        yield _one("disk_free_bytes", "Space that is left on the disk of the state.", sizes.free)


def _info() -> Family:
    about = "Always 1; the version is in the label."
    return _gauge("info", about, [Sample(1, {"version": __version__})])


def _one(name: str, about: str, value: float) -> Family:
    return _gauge(name, about, [Sample(value)])


def _gauge(name: str, about: str, samples: Iterable[Sample]) -> Family:
    return Family(name, "gauge", about, list(samples))
