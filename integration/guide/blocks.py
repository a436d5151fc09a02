"""The code blocks of the user guide, in its order, and the test that runs each.

The guide's text does not mark its code, so a block is named by its first and its last line.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

GUIDE = "integration/guide/"
TESTING = "libs/dw-testing/tests/testing/test_guide.py"
INSTALLED = "scripts/check_wheels"
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


@dataclass(frozen=True)
class Block:
    """One block of code.

    Attributes:
        first: Its first line.
        last: Its last line.
        run_by: The test that runs it, as `file::test`, or the file alone where all of it does.
        changed: Why the program there is not the block word by word, or nothing.
    """

    first: str
    last: str
    run_by: str
    changed: str = ""


BLOCKS = (
    Block(
        "pip install durable-workflow",
        "pip install durable-workflow",
        INSTALLED,
        "installs the wheels that were built",
    ),
    Block(
        "pip install durable-workflow==0.4.84",
        "pip install durable-workflow==0.4.84",
        INSTALLED,
        "installs the wheels that were built",
    ),
    Block(
        "import asyncio", "asyncio.run(main())", GUIDE + "test_quickstart.py::test_the_quickstart"
    ),
    Block(
        "export DW_SERVER_IMAGE=durableworkflow/server:0.2.261",
        "until curl -sf http://localhost:8080/api/ready > /dev/null; do sleep 1; done",
        GUIDE + "conftest.py",
        "the server is a process of the wheel dw-server; there is no image",
    ),
    Block(
        "from durable_workflow import Client",
        "info = await client.get_cluster_info()",
        GUIDE + "test_client.py::test_a_client_is_an_async_context",
    ),
    Block(
        "from durable_workflow import (",
        "payload_bytes = fetch_external_payload(storage, reference, cache=cache)",
        GUIDE + "test_client.py::test_a_large_payload_is_stored_outside",
        "the folder is one of the test",
    ),
    Block("{", "}", GUIDE + "test_client.py::test_a_reference_is_read_from_its_wire_form"),
    Block(
        "from durable_workflow.external_storage import external_storage_driver_from_policy",
        "s3_client=application_owned_s3_client,\n)",
        GUIDE + "test_client.py::test_a_driver_is_made_from_the_policy_of_a_namespace",
    ),
    Block(
        "page = await client.workflow_task_history(",
        "workflow_task_attempt=2,\n)",
        GUIDE + "test_client.py::test_the_history_of_a_leased_task_comes_in_pages",
    ),
    Block(
        "from durable_workflow import workflow",
        "return receipt",
        GUIDE + "test_workflows.py::test_an_order_with_a_timer_between_two_activities",
    ),
    Block(
        '@workflow.defn(name="approval")',
        'return {"approved": self.approved, "approved_by": self.approved_by}',
        GUIDE + "test_workflows.py::test_a_signal_is_dispatched_to_its_handler",
    ),
    Block(
        '@workflow.defn(name="approval")',
        'raise ValueError("approved must be boolean")',
        GUIDE + "test_workflows.py::test_queries_and_updates_are_answered_by_their_handlers",
    ),
    Block(
        "from durable_workflow import ActivityRetryPolicy",
        "heartbeat_timeout=15,\n)",
        GUIDE + "test_workflows.py::test_an_activity_has_a_retry_policy_and_timeouts",
    ),
    Block(
        '@workflow.defn(name="fan-out-example")',
        "return results # list of results in the same order",
        GUIDE + "test_workflows.py::test_a_list_of_commands_runs_at_once",
    ),
    Block(
        "from durable_workflow import ChildWorkflowRetryPolicy",
        "run_timeout_seconds=120,\n)",
        GUIDE + "test_workflows.py::test_a_child_has_a_queue_a_retry_policy_and_timeouts",
    ),
    Block(
        "from durable_workflow import ContinueAsNew",
        "return ContinueAsNew(arguments=[iteration + 1])",
        GUIDE + "test_workflows.py::test_a_workflow_continues_as_new_until_it_is_done",
    ),
    Block(
        "from durable_workflow import activity",
        'return {"message_id": response.id, "sent": True}',
        GUIDE + "test_activities.py::test_an_activity_does_io",
    ),
    Block(
        '@activity.defn(name="long_running_task")',
        'return {"processed": len(items)}',
        GUIDE + "test_activities.py::test_an_activity_reads_its_context_and_heartbeats",
    ),
    Block(
        "from durable_workflow import NonRetryableError",
        "return data",
        GUIDE + "test_activities.py::test_a_non_retryable_error_ends_the_activity",
    ),
    Block(
        "from durable_workflow import Client, Worker",
        "await worker.run() # blocks until worker.stop() is called",
        GUIDE + "test_worker.py::test_a_worker_runs_until_it_is_stopped",
    ),
    Block(
        "from durable_workflow import (",
        "interceptors=[AuditInterceptor()],\n)",
        GUIDE + "test_worker.py::test_an_interceptor_wraps_activities",
    ),
    Block(
        "import logging",
        'logging.getLogger("durable_workflow.workflow.replay").setLevel(logging.INFO)',
        GUIDE + "test_worker.py::test_levels_of_the_loggers",
    ),
    Block(
        '@workflow.defn(name="order_processor")',
        "return result",
        GUIDE + "test_worker.py::test_lines_of_a_workflow_are_not_repeated_by_replay",
    ),
    Block(
        "import logging",
        'logging.getLogger("durable_workflow").setLevel(logging.INFO)',
        GUIDE + "test_worker.py::test_lines_are_written_as_json",
    ),
    Block(
        "def increment(name: str, value: float = 1.0, tags: dict[str, str] | None = None)"
        " -> None: ...",
        "def record(name: str, value: float, tags: dict[str, str] | None = None) -> None: ...",
        GUIDE + "test_worker.py::test_any_recorder_with_two_methods_will_do",
        "the two methods have bodies",
    ),
    Block(
        "from durable_workflow import Client, InMemoryMetrics, Worker",
        'worker = Worker(client, task_queue="default", workflows=[GreeterWorkflow], '
        "activities=[greet])",
        GUIDE + "test_worker.py::test_metrics_are_kept_in_memory",
    ),
    Block(
        "pip install 'durable-workflow[prometheus]'",
        "pip install 'durable-workflow[prometheus]'",
        INSTALLED,
        "installs the wheels that were built",
    ),
    Block(
        "from durable_workflow import Client, PrometheusMetrics",
        'client = Client("http://localhost:8080", token="secret", metrics=metrics)',
        GUIDE + "test_worker.py::test_metrics_are_given_to_prometheus",
    ),
    Block(
        "from durable_workflow import ScheduleSpec, ScheduleAction",
        "await handle.delete()",
        GUIDE + "test_schedules.py::test_the_life_of_a_schedule",
    ),
    Block(
        "from durable_workflow.sync import Client as SyncClient",
        "print(execution.status)",
        GUIDE + "test_client.py::test_the_blocking_client",
    ),
    Block(
        "from durable_workflow import WorkflowNotFound, WorkflowAlreadyStarted",
        'print("Workflow type not registered on any worker")',
        GUIDE + "test_client.py::test_an_id_in_use_gives_its_handle",
    ),
    Block(
        "from durable_workflow import ActivityCancelled, activity",
        "raise",
        GUIDE + "test_activities.py::test_an_activity_cleans_up_when_it_is_cancelled",
    ),
    Block(
        "from durable_workflow import workflow",
        'assert result == "hello, world"',
        TESTING + "::test_greeter_returns_activity_result",
    ),
    Block(
        "def test_callable_mock_captures_arguments() -> None:",
        'assert captured == ["alice"]',
        TESTING + "::test_callable_mock_captures_arguments",
    ),
    Block(
        '@workflow.defn(name="approval")',
        'assert result == {"approved_by": "alice"}',
        TESTING + "::test_signal_is_delivered_before_run_returns",
    ),
    Block(
        '@workflow.defn(name="countdown")',
        "assert [r.input for r in env.runs] == [[3], [2], [1], [0]]",
        TESTING + "::test_chain_returns_final_run_result",
    ),
    Block(
        '@workflow.defn(name="stage-one")',
        'assert [r.workflow_type for r in env.runs] == ["stage-one", "stage-two"]',
        TESTING + "::test_chain_can_switch_workflow_type",
    ),
    Block(
        'env.signal("approve", ["alice"], run=2)  # delivered to the second run',
        'env.signal("approve", ["alice"], run=2)  # delivered to the second run',
        TESTING + "::test_a_signal_goes_to_the_link_that_it_names",
    ),
    Block(
        "import pytest",
        'assert "boom" in str(exc_info.value)',
        TESTING + "::test_workflow_failure_surfaces_as_workflow_failed",
    ),
    Block(
        "from durable_workflow import Client",
        'replay_history(OrderWorkflow, history["events"], start_input=["order-42"])',
        GUIDE + "test_testing.py::test_a_history_of_the_server_is_replayed",
        "the run id is that of the test",
    ),
    Block(
        "from durable_workflow.testing import replay_history_file",
        'start_input=["order-42"],\n)',
        TESTING + "::test_a_history_is_replayed_from_a_file",
        "the file is one of the test",
    ),
    Block(
        "from durable_workflow import Replayer, ReplayOutcome",
        "# Inspect commands the replayed workflow would have emitted next.\n...",
        GUIDE + "test_testing.py::test_a_replayer_serves_several_types",
    ),
    Block(
        "from durable_workflow import Client",
        'namespace="team-orders",\n)',
        GUIDE + "test_client.py::test_each_plane_has_a_token_and_a_namespace",
    ),
)


@dataclass(frozen=True)
class Found:
    """A block where it stands in the guide: its lines are `lines[start:stop]`."""

    block: Block
    start: int
    stop: int


def find(blocks: Sequence[Block], lines: Sequence[str]) -> Iterator[Found]:
    """Find the blocks in the lines of the guide, one after the other.

    Raises:
        LookupError: One is not there, after the one before it.
    """
    position = 0
    for block in blocks:
        start = _position(block.first, lines, position)
        last = _position(block.last, lines, start)
        position = last + len(block.last.splitlines())
        yield Found(block, start, position)


def _position(text: str, lines: Sequence[str], start: int) -> int:
    wanted = text.splitlines()
    for number in range(start, len(lines)):
        if [line.strip() for line in lines[number : number + len(wanted)]] == wanted:
            return number
    raise LookupError(f"after line {start + 1} there is no line {text!r}")


# Lines that only code has. Rows of the guide's tables may begin alike, but go on without a space.
CODE = re.compile(
    r"""(?x) ^\s*(?: (?:from\ [\w.]+\ )?import\ [\w(] | @\w | (?:async\ )?def\ \w | class\ \w+[(:]
    | async\ (?:with|for)\ | (?:for|if|while|except|with)\ .*:$ | \w+\ =\ \S | try:$
    | (?:return|raise|assert|yield)\ [^.]*[^.\s]$ | print\( | (?:pip|docker|export|until|curl)\ .*
    | (?:await\ )?[\w.]+\(.*\)(?:\s*\#.*)?$ | [)\]}],?$ | \w+=.*,$ ) """
)


def looks_like_code(line: str) -> bool:
    """Tell if a line of the guide is code: neither a row of a table nor a sentence."""
    if re.search(r"\)[A-Za-z]", line) or re.search(r"\w\.$", line):
        return False
    return CODE.match(line) is not None


def words(text: str) -> list[str]:
    """Split a program into words, so that layout, comments, imports, urls and tokens do not count.

    The tests import what they need at their top, and the server is where they started it.
    """
    spelled: list[str] = []
    for kind, word, *_ in tokenize.generate_tokens(io.StringIO(_without_imports(text)).readline):
        if kind in LAYOUT or kind == tokenize.ENDMARKER:
            continue
        if word in {")", "]", "}"} and spelled and spelled[-1] == ",":
            spelled.pop()
        if kind == tokenize.STRING and re.match(r'"https?://', word):
            word = "url"
        elif kind == tokenize.STRING and spelled[-2:] == ["token", "="]:
            word = "token"
        spelled.append(word)
    return spelled


def _without_imports(text: str) -> str:
    text = re.sub(r"^from [\w.]+ import \([^)]*\)$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^(?:from [\w.]+ )?import [\w., ]+$", "", text, flags=re.MULTILINE)
    return "\n".join(line.strip() for line in text.splitlines())


def holds(program: Sequence[str], part: Sequence[str]) -> bool:
    """Tell if the words of `part` stand in `program`, one after the other."""
    size = len(part)
    return any(list(program[at : at + size]) == list(part) for at in range(len(program) - size + 1))
