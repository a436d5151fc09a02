"""How many tasks a worker runs at once, and how many it may."""

import asyncio

from durable_workflow.worker._settings import Settings


class TaskSlots:
    """The slots of one worker.

    A poller takes a slot before it asks for a task, so a slot can be taken while no task runs.

    Attributes:
        workflow: Slots of workflow tasks.
        activity: Slots of activity tasks.
        most: Slots by kind.
    """

    def __init__(self, settings: Settings) -> None:
        self.most = {
            "workflow": settings.max_concurrent_workflow_tasks,
            "activity": settings.max_concurrent_activity_tasks,
        }
        self.workflow = asyncio.Semaphore(self.most["workflow"])
        self.activity = asyncio.Semaphore(self.most["activity"])
        self._busy = dict.fromkeys(self.most, 0)

    def begin(self, kind: str) -> None:
        """A task begins to run."""
        self._busy[kind] += 1

    def end(self, kind: str) -> None:
        """It has ended."""
        self._busy[kind] -= 1

    def available(self) -> dict[str, int]:
        """Slots in which no task runs, as the server is told. From any thread."""
        return {
            f"{kind}_available": max(0, most - self._busy[kind]) for kind, most in self.most.items()
        }
