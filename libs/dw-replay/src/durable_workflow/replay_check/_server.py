"""Histories of the runs that a server knows, read with dw-client where that is installed."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import durable_workflow
from durable_workflow.errors import DurableWorkflowError
from durable_workflow.external_storage import ExternalStorageDriver
from durable_workflow.replay_check._sources import ServerRun, SourceError

T = TypeVar("T")

_PAGE: Final = 200
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Server:
    """How a server is reached. Its representation does not show the token.

    Attributes:
        url: Its origin.
        token: Token of the control plane, or None.
        namespace: The namespace of the runs.
    """

    url: str
    token: str | None = None
    namespace: str = "default"

    def __repr__(self) -> str:
        return f"Server({self.url!r}, namespace={self.namespace!r})"


class ServerReader:
    """Reads runs and histories from a server, one question after the other."""

    def __init__(self, server: Server, storage: ExternalStorageDriver | None = None) -> None:
        """Set it up; nothing is asked yet.

        Raises:
            SourceError: dw-client is not installed; the text has the line that installs it.
        """
        try:
            client_class: Any = durable_workflow.__getattr__("Client")
        except ImportError as error:
            raise SourceError(f"reading from a server needs dw-client: {error}") from error
        self._server = server
        self._runner = asyncio.Runner()
        self._client: Any = client_class(
            server.url,
            token=server.token,
            namespace=server.namespace,
            external_storage=storage,
        )

    def close(self) -> None:
        """Close the connections."""
        self._runner.run(self._client.aclose())
        self._runner.close()

    def list_runs(
        self,
        workflow_types: Iterable[str],
        *,
        status: str | None,
        query: str | None,
        limit: int | None,
    ) -> list[ServerRun]:
        """The runs of some workflow types, newest first in each.

        Args:
            workflow_types: The types.
            status: Only those that are `running`, `completed` or `failed`.
            query: A further filter of the server's list.
            limit: Most runs of a type.
        Raises:
            SourceError: The server cannot be asked.
        """

        async def listed() -> list[ServerRun]:
            runs: list[ServerRun] = []
            for workflow_type in workflow_types:
                runs += await self._runs_of(workflow_type, status, query, limit)
            return runs

        return self._ask(listed)

    def document(self, run: ServerRun) -> dict[str, Any]:
        """The history of a run, with what it was started with.

        Raises:
            SourceError: The server cannot be asked, or no longer has it.
        """

        async def fetched() -> dict[str, Any]:
            described = await self._client.describe_workflow_run(run.workflow_id, run.run_id)
            history: dict[str, Any] = await self._client.get_history(run.workflow_id, run.run_id)
            return {
                "workflow_id": run.workflow_id,
                "run_id": run.run_id,
                "workflow_type": described.workflow_type or run.workflow_type,
                "payload_codec": described.payload_codec,
                "input": await self._input_of(run, described),
                "events": history.get("events"),
                "next_page_token": history.get("next_page_token"),
            }

        return self._ask(fetched)

    async def _input_of(self, run: ServerRun, described: Any) -> Any:
        """The start input; one that the server cannot decode is decoded here, of a newest run."""
        if described.input is not None or described.is_current_run is False:
            return described.input
        newest = await self._client.describe_workflow(run.workflow_id)
        return newest.input if newest.run_id == run.run_id else None

    async def _runs_of(
        self, workflow_type: str, status: str | None, query: str | None, limit: int | None
    ) -> list[ServerRun]:
        runs: list[ServerRun] = []
        token: str | None = None
        while limit is None or len(runs) < limit:
            page = await self._client.list_workflows(
                workflow_type=workflow_type,
                status=status,
                query=query,
                page_size=_PAGE,
                next_page_token=token,
            )
            runs += [
                ServerRun(run.workflow_id, run.run_id, workflow_type)
                for run in page.executions
                if run.run_id
            ]
            token = page.next_page_token
            if token is None:
                break
        return runs[:limit]

    def _ask(self, question: Callable[[], Coroutine[Any, Any, T]]) -> T:
        try:
            return self._runner.run(question())
        except (DurableWorkflowError, OSError, ValueError) as error:
            raise SourceError(f"{self._server.url}: {error}") from error
        except Exception as error:
            # The HTTP library of the client has a hierarchy of its own, which is not known here.
            raise SourceError(
                f"{self._server.url} cannot be asked: {type(error).__name__}: {error}"
            ) from error


def save(folder: str | Path, run: ServerRun, document: dict[str, Any]) -> Path:
    """Keep the history of a run as a file that can be checked again without the server.

    Args:
        folder: Where to; it is made.
        run: The run.
        document: Its history.
    Returns:
        The file.
    """
    name = "-".join(_UNSAFE.sub("_", part) for part in (run.workflow_id[:100], run.run_id))
    path = Path(folder) / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
