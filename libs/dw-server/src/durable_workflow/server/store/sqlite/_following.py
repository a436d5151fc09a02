"""Units that follow at once from those before them, in the same transaction."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from durable_workflow.server.store.protocol import FollowingUp, FollowUp
from durable_workflow.server.store.sqlite._batch import Unit

if TYPE_CHECKING:
    from durable_workflow.server.store.protocol import Read

_log = logging.getLogger(__name__)


class Follower(Unit):
    """A unit that nobody waits for."""

    __slots__ = ("_follow",)

    def __init__(self, follow: FollowUp) -> None:
        super().__init__(follow.work, asyncio.get_running_loop().create_future(), follow.at)
        self._follow = follow

    def has_followed(self) -> bool:
        """Tell of a unit that was run; whether it did anything.

        Where it raised, whoever named it does the same in other ways, and meets the error again.
        """
        if self.error is not None:
            _log.warning("what follows could not be done in one unit", exc_info=self.error)
            return False
        self._follow.done(self.result)
        return True


def follower(following_up: FollowingUp, read: Read, last: Unit) -> Follower | None:
    """The unit that follows from the last one of a batch; None where there is none."""
    if last.error is not None:
        return None
    try:
        follow = following_up(read, last.notices)
    except Exception:  # noqa: BLE001  reported, and nothing depends on its kind
        _log.exception("what follows could not be found out")
        return None
    return None if follow is None else Follower(follow)
