"""Workers, task queues and builds, as operators ask for them (control-plane 10 and 11)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

import msgspec

from durable_workflow.server.fields import Beside, Choice, Text

WORKER_STATES: Final = ("active", "draining", "stale")


class BuildId(Text, frozen=True, kw_only=True):
    """A build, which must be named: null and blank text name the workers without one."""

    null_counts: ClassVar[bool] = True
    blank: bool = True


class ListWorkers(msgspec.Struct, frozen=True, kw_only=True):
    """The workers of a namespace; of a queue, of a status, or all."""

    task_queue: Annotated[str | None, Text()] = None
    status: Annotated[str | None, Choice(words=WORKER_STATES)] = None


class NamedWorker(msgspec.Struct, frozen=True, kw_only=True):
    """The worker of that id: all of its sessions."""

    worker_id: Annotated[str, Beside()]


class NamedQueue(msgspec.Struct, frozen=True, kw_only=True):
    """The task queue of that name. One that nobody has used is empty."""

    task_queue: Annotated[str, Beside()]


class RollBuild(msgspec.Struct, frozen=True, kw_only=True):
    """Decide about a build of a queue.

    Attributes:
        build_id: None and '' for the workers that name none.
    """

    task_queue: Annotated[str, Beside(longest=255)]
    build_id: Annotated[str | None, BuildId()]
