"""Which tasks of a queue may be ready and waiting, so that no newer one overtakes them.

As long as every ready task is claimed in the unit that made it ready, nothing waits, and nobody has
to look. A *group* is what one kind of tasks of a queue has in common for those who may take them:
type, and build. A group is *flagged* when a task of it found nobody, and at the beginning, when
nobody has looked yet. While it is, claims go through the store's choice, by priority and order of
arrival. A claim that finds nothing clears all the groups that its worker may take.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from durable_workflow.server.dispatch.takers import Profile

Group: TypeAlias = tuple[str, str | None]

# Types are chosen by callers: beyond so many all are flagged, and none is remembered.
_MOST_GROUPS: Final = 1000


class Backlog:
    """The flags of one kind of tasks of one queue."""

    def __init__(self) -> None:
        self._flagged: set[Group] = set()
        # Profiles of workers that have looked and found nothing, and groups that they cover.
        self._looked: set[Profile] = set()
        self._clear: set[Group] = set()

    def is_flagged(self, group: Group) -> bool:
        """Whether a task of the group may be waiting."""
        if group in self._flagged:
            return True
        if group in self._clear:
            return False
        if not any(profile.suits(*group) for profile in self._looked):
            return True
        if len(self._clear) < _MOST_GROUPS:
            self._clear.add(group)
        return False

    def may_hold(self, profile: Profile) -> bool:
        """Whether a task may be waiting that a worker may take."""
        if profile not in self._looked:
            return True
        return bool(self._flagged) and any(profile.suits(*group) for group in self._flagged)

    def flag(self, group: Group) -> None:
        """A ready task found nobody."""
        if len(self._flagged) >= _MOST_GROUPS:
            self.doubt()
        self._flagged.add(group)

    def found_nothing(self, profile: Profile) -> None:
        """A worker has looked, and nothing is waiting that it may take."""
        if len(self._looked) >= _MOST_GROUPS:
            self._looked.clear()
        self._looked.add(profile)
        self._flagged = {group for group in self._flagged if not profile.suits(*group)}

    def shown(self) -> list[dict[str, Any]]:
        """The groups of which a task found nobody."""
        ordered = sorted(self._flagged, key=lambda group: (group[0], group[1] or ""))
        return [{"type": task_type, "build_id": build_id} for task_type, build_id in ordered]

    def doubt(self) -> None:
        """Anything may be waiting."""
        self._flagged.clear()
        self._looked.clear()
        self._clear.clear()
