"""What a checking process does: load the workflows once, then check one unit after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from durable_workflow.replay_check._checker import Checker
from durable_workflow.replay_check._report import RunReport
from durable_workflow.replay_check._server import Server, ServerReader, save
from durable_workflow.replay_check._sources import HistoryFile, SourceError, Unit
from durable_workflow.replay_verify import REASON_BUNDLE_INVALID, VERDICT_FAILED
from durable_workflow.replay_verify._loading import load_made, load_workflows


@dataclass(frozen=True, slots=True)
class Setup:
    """What every checking process is given.

    Attributes:
        workflows: `module:attribute` that gives the workflow classes, or the classes.
        server: Where runs are read from; None where all histories are files.
        save_to: Folder in which histories of the server are kept, or None.
        external_storage: `module:attribute` that gives the driver of offloaded payloads, or None.
        signing_key: The key that exported bundles are signed with.
    """

    workflows: str | Sequence[type]
    server: Server | None = None
    save_to: str | None = None
    external_storage: str | None = None
    signing_key: str | None = None

    def classes(self) -> list[type]:
        """The workflow classes.

        Raises:
            LoadingError: They cannot be loaded.
        """
        if isinstance(self.workflows, str):
            return load_workflows(self.workflows)
        return list(self.workflows)


class Work:
    """Checks units."""

    def __init__(self, setup: Setup) -> None:
        """Load the workflows.

        Raises:
            LoadingError: They, or the storage driver, cannot be loaded.
            ValueError: There are none, or two have one type name.
            SourceError: A server is to be read, and dw-client is not installed.
        """
        storage: Any = None
        if setup.external_storage is not None:
            storage = load_made(setup.external_storage)
        self.checker = Checker(
            setup.classes(), external_storage=storage, signing_key=setup.signing_key
        )
        self._save_to = setup.save_to
        self._reader = ServerReader(setup.server, storage) if setup.server is not None else None

    def check(self, unit: Unit) -> RunReport:
        """Check one unit; that its history cannot be read is a report too."""
        try:
            if isinstance(unit, HistoryFile):
                return self.checker.check_bytes(unit.label, unit.read())
            if self._reader is None:
                raise SourceError("no server is known to read it from")
            document = self._reader.document(unit)
            if self._save_to is not None:
                save(self._save_to, unit, document)
        except (OSError, ValueError, SourceError) as error:
            return RunReport(unit.label, VERDICT_FAILED, REASON_BUNDLE_INVALID, str(error))
        return self.checker.check_document(unit.label, document)

    def close(self) -> None:
        """Close connections."""
        if self._reader is not None:
            self._reader.close()
