"""All lists of a bundle, open while it is made and sent."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Self

from durable_workflow.server.exporting.redaction import Redaction
from durable_workflow.server.exporting.sections import Scratch, Section


class Lists:
    """The lists of one bundle.

    Attributes:
        children: The member `children` of `links`.
        trace: What the history says of each activity, by its workflow sequence.
        told: The payloads of signals and updates, by the id of their command.
    """

    def __init__(self, redaction: Redaction) -> None:
        self._files = ExitStack()

        def section(name: str) -> Section:
            return self._files.enter_context(Section(name, redaction))

        self.history_events = section("history_events")
        self.timeline = section("timeline")
        self.waits = section("waits")
        self.commands = section("commands")
        self.signals = section("signals")
        self.updates = section("updates")
        self.tasks = section("tasks")
        self.activities = section("activities")
        self.timers = section("timers")
        self.failures = section("failures")
        self.children = section("links.children")
        self.traces = self._files.enter_context(Scratch())
        self.told = self._files.enter_context(Scratch())

    def sort(self) -> None:
        """Put every list into order. Nothing is added after this."""
        for each in (self.waits, self.signals, self.updates, self.tasks, self.timers):
            each.sort()
        self.children.sort()

    def all(self) -> list[Section]:
        """Every list."""
        return [each for each in vars(self).values() if isinstance(each, Section)]

    def close(self) -> None:
        """Delete the files."""
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
