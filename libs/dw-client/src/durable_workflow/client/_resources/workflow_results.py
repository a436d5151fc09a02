"""Waiting for the result of a workflow."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, overload
from uuid import uuid4

from durable_workflow._conversion import reading_results
from durable_workflow.client._arguments import Result, Seconds, WholeSeconds, capable, seconds
from durable_workflow.client._away import is_away, why_away
from durable_workflow.client._handles import WorkflowHandle
from durable_workflow.client._run_ends import Continued, Raised, Returned
from durable_workflow.client._run_wait import RunWait
from durable_workflow.client._session import Session
from durable_workflow.client._starting import start_call
from durable_workflow.client._still_open import still_open
from durable_workflow.errors import WorkflowContinuedAsNew


class WorkflowResultMethods(Session):
    """Wait for a workflow to end, and start one for that."""

    @overload
    async def get_result(
        self,
        handle: WorkflowHandle,
        poll_interval: Seconds = 0.5,
        timeout: Seconds = 30.0,
        *,
        follow_runs: bool = True,
        result_type: type[Result],
    ) -> Result: ...
    @overload
    async def get_result(
        self,
        handle: WorkflowHandle,
        poll_interval: Seconds = 0.5,
        timeout: Seconds = 30.0,
        *,
        follow_runs: bool = True,
        result_type: Any = None,
    ) -> Any: ...
    async def get_result(
        self,
        handle: WorkflowHandle,
        poll_interval: Seconds = 0.5,
        timeout: Seconds = 30.0,
        *,
        follow_runs: bool = True,
        result_type: Any = None,
    ) -> Any:
        """Wait for a workflow to end, and return its decoded output.

        With a run id in the handle it waits for that run, otherwise for the newest one.

        Args:
            handle: The workflow.
            poll_interval: Seconds between two questions to a server that does not hold responses.
            timeout: Seconds to wait; the server is asked once at least.
            follow_runs: Whether to go on to the run that a run continued as.
            result_type: The type of the output, as `Order` or `list[Order]`: it is converted as
                arguments are by their annotations. None leaves it plain JSON.

        Raises:
            WorkflowFailed: It failed.
            WorkflowTimedOut: One of its own timeouts passed. A `WorkflowFailed`.
            WorkflowTerminated: It was terminated.
            WorkflowCancelled: It was cancelled. A BaseException.
            WorkflowContinuedAsNew: It continued as a new run, and `follow_runs` is False.
            WorkflowNotFound: There is no such workflow or run.
            TimeoutError: It is still open after `timeout`, and the text says what it waits for
                and whether a live worker serves that; or the server could not be reached in that
                time.
            ArgumentMismatch: The output does not fit `result_type`; the text names the place.
        """
        read = reading_results(result_type)
        capable("handle", handle, "workflow_id", "a WorkflowHandle")
        limit = seconds("timeout", timeout)
        wait = self._run_wait(
            handle.workflow_id,
            handle.run_id,
            timeout=limit,
            poll_interval=seconds("poll_interval", poll_interval),
        )
        with self._open_calls.one():
            return read(await self._outcome(wait, follow_runs=follow_runs))

    @overload
    async def execute_workflow(
        self,
        *,
        workflow_type: str,
        task_queue: str,
        workflow_id: str | None = None,
        input: list[Any] | None = None,
        business_key: str | None = None,
        execution_timeout_seconds: WholeSeconds | None = None,
        run_timeout_seconds: WholeSeconds | None = None,
        duplicate_policy: str | None = None,
        memo: dict[str, Any] | None = None,
        search_attributes: dict[str, Any] | None = None,
        priority: int | None = None,
        fairness_key: str | None = None,
        fairness_weight: int | None = None,
        poll_interval: Seconds = 0.5,
        timeout: Seconds = 30.0,
        follow_runs: bool = True,
        result_type: type[Result],
    ) -> Result: ...
    @overload
    async def execute_workflow(
        self,
        *,
        workflow_type: str,
        task_queue: str,
        workflow_id: str | None = None,
        input: list[Any] | None = None,
        business_key: str | None = None,
        execution_timeout_seconds: WholeSeconds | None = None,
        run_timeout_seconds: WholeSeconds | None = None,
        duplicate_policy: str | None = None,
        memo: dict[str, Any] | None = None,
        search_attributes: dict[str, Any] | None = None,
        priority: int | None = None,
        fairness_key: str | None = None,
        fairness_weight: int | None = None,
        poll_interval: Seconds = 0.5,
        timeout: Seconds = 30.0,
        follow_runs: bool = True,
        result_type: Any = None,
    ) -> Any: ...
    async def execute_workflow(
        self,
        *,
        workflow_type: str,
        task_queue: str,
        workflow_id: str | None = None,
        input: list[Any] | None = None,
        business_key: str | None = None,
        execution_timeout_seconds: WholeSeconds | None = None,
        run_timeout_seconds: WholeSeconds | None = None,
        duplicate_policy: str | None = None,
        memo: dict[str, Any] | None = None,
        search_attributes: dict[str, Any] | None = None,
        priority: int | None = None,
        fairness_key: str | None = None,
        fairness_weight: int | None = None,
        poll_interval: Seconds = 0.5,
        timeout: Seconds = 30.0,
        follow_runs: bool = True,
        result_type: Any = None,
    ) -> Any:
        """Start a workflow, wait for it to end, and return its decoded output.

        It does what `start_workflow` and `get_result` do, in one request where the server can.

        Args:
            workflow_type: Its type.
            task_queue: The queue whose workers run it.
            workflow_id: Its id; None makes one.
            input: Its positional arguments; None is no arguments.
            business_key: As for `start_workflow`.
            execution_timeout_seconds: Limit for the whole execution; None is no limit.
            run_timeout_seconds: Limit for each run; None is no limit.
            duplicate_policy: As for `start_workflow`. With `use-existing` it waits for the workflow
                that has the id.
            memo: Describes it, and is written in its plain form.
            search_attributes: Values by which lists find it.
            priority: 0 to 9, lower first; None is the server's 5.
            fairness_key: Class among which the queue shares its workers.
            fairness_weight: Share of that class, 1 to 1000.
            poll_interval: Seconds between two questions to a server that does not hold responses.
            timeout: Seconds to wait for the end. The workflow goes on when they have passed.
            follow_runs: Whether to go on to the run that a run continued as.
            result_type: The type of the output, as `Order` or `list[Order]`: it is converted as
                arguments are by their annotations. None leaves it plain JSON.

        Raises:
            WorkflowAlreadyStarted: The id is taken, and the policy refuses another start.
            InvalidArgument: The server refuses an argument.
            TypeError: An argument is of a wrong type; `input` is a list of arguments.
            WorkflowFailed: It failed.
            WorkflowTimedOut: One of its own timeouts passed. A `WorkflowFailed`.
            WorkflowTerminated: It was terminated.
            WorkflowCancelled: It was cancelled. A BaseException.
            WorkflowContinuedAsNew: It continued as a new run, and `follow_runs` is False.
            TimeoutError: It is still open after `timeout`, and the text says what it waits for
                and whether a live worker serves that; or the server could not be reached in that
                time.
            ArgumentMismatch: The output does not fit `result_type`; the text names the place.
        """
        read = reading_results(result_type)
        limit = seconds("timeout", timeout)
        pause = seconds("poll_interval", poll_interval)  # before anything is sent
        if workflow_id is None and duplicate_policy is None:
            # Nobody else knows the id: whoever has it already was started by this very request.
            duplicate_policy = "use-existing"
        call = await start_call(
            self._payloads,
            self.namespace,
            workflow_type=workflow_type,
            task_queue=task_queue,
            workflow_id=uuid4().hex if workflow_id is None else workflow_id,
            input=input,
            business_key=business_key,
            execution_timeout_seconds=execution_timeout_seconds,
            run_timeout_seconds=run_timeout_seconds,
            duplicate_policy=duplicate_policy,
            memo=memo,
            search_attributes=search_attributes,
            priority=priority,
            fairness_key=fairness_key,
            fairness_weight=fairness_weight,
        )
        wait = self._run_wait(call.about, None, timeout=limit, poll_interval=pause)
        with self._open_calls.one():
            with _late_where_away(wait):
                await wait.begin(call)
            return read(await self._outcome(wait, follow_runs=follow_runs))

    def _run_wait(
        self, workflow_id: str, run_id: str | None, *, timeout: float, poll_interval: float
    ) -> RunWait:
        return RunWait(
            self._send,
            self._holds,
            self._outlasting,
            workflow_id=workflow_id,
            run_id=run_id,
            timeout=timeout,
            poll_interval=poll_interval,
        )

    async def _outcome(self, wait: RunWait, *, follow_runs: bool) -> Any:
        while True:
            with _late_where_away(wait):
                end = await wait.end()
            match end:
                case Returned():
                    return await self._value_of(end)
                case Raised(error):
                    raise error
                case Continued(successor):
                    if not follow_runs:
                        raise WorkflowContinuedAsNew(
                            wait.workflow_id, successor, run_id=wait.run_id
                        )
                    wait.follow(successor)
                    if successor is not None:
                        continue
                    # The server does not name the successor. It is the newest run, or soon will be.
                    await wait.pause()
                case None:
                    pass  # still open, after one poll interval
            if wait.remaining <= 0:
                raise TimeoutError(
                    wait.late + await still_open(self._send, wait.workflow_id, wait.run_id)
                )

    async def _value_of(self, returned: Returned) -> Any:
        if returned.payload is None:
            return returned.value
        [value] = await self._payloads.decode([returned.payload], returned.codec)
        return value


@contextmanager
def _late_where_away(wait: RunWait) -> Generator[None, None, None]:
    """Raise `TimeoutError` where the server was away until the wait was over."""
    try:
        yield
    except Exception as problem:
        if wait.remaining > 0 or not is_away(problem):
            raise
        raise TimeoutError(f"{wait.late}: {why_away(problem)}") from problem
