"""Workers that may take tasks, and which tasks those are."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from durable_workflow.server.notices import ReadyTask, TaskKind


class Taker(Protocol):
    """A registered worker, as far as it matters which tasks it may have."""

    @property
    def namespace(self) -> str: ...
    @property
    def task_queue(self) -> str: ...
    @property
    def worker_id(self) -> str: ...
    @property
    def session(self) -> str: ...
    @property
    def build_id(self) -> str | None: ...
    @property
    def workflow_types(self) -> list[str]: ...
    @property
    def activity_types(self) -> list[str]: ...
    @property
    def draining(self) -> int: ...


class Profile(NamedTuple):
    """Which tasks of one kind a worker may have: no types stand for all.

    Attributes:
        draining: It may have none: its build is drained.
    """

    types: frozenset[str]
    build_id: str | None
    draining: bool = False

    def suits(self, task_type: str, build_id: str | None) -> bool:
        """Whether it may have tasks of a type whose run is pinned to a build, or to none."""
        if self.draining or (build_id is not None and build_id != self.build_id):
            return False
        return not self.types or task_type in self.types


def profile_of(worker: Taker, kind: TaskKind) -> Profile:
    """Which tasks of a kind a worker may have."""
    draining = bool(worker.draining)
    if kind == "activity":
        return Profile(frozenset(worker.activity_types), None, draining)  # pinned to no build
    return Profile(frozenset(worker.workflow_types), worker.build_id, draining)


def may_take(profile: Profile, task: ReadyTask) -> bool:
    """Whether a worker may have a task at all: by its type and build, and
    whether that drains.

    Whether it may have it now is the stream's to say (credits), and the keeper's.
    """
    return profile.suits(task.type, task.build_id)
