"""Options that cannot be right: the error names command, option, what was given and is wanted."""

# pyright: reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import math
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from durable_workflow import activity, workflow
from durable_workflow.workflow import ActivityRetryPolicy, ContinueAsNew, WorkflowContext

CTX: Any = WorkflowContext()


@activity.defn(name="charge-card")
def charge() -> None:
    pass


@workflow.defn(name="refund")
class Refund:
    def run(self, ctx: Any) -> None:
        pass


def activity_with(**options: Any) -> Any:
    return CTX.schedule_activity("charge", [], **options)


# What is refused when a completion is built: the task fails.
WRONG = [
    (activity_with(retry_policy=5), TypeError, "activity 'charge': retry_policy must be a"),
    (activity_with(retry_policy=5), TypeError, "got 5 (int)"),
    (
        activity_with(retry_policy=ActivityRetryPolicy("3")),  # type: ignore[arg-type]
        TypeError,
        "activity 'charge': retry_policy: max_attempts must be a whole number, got '3' (str)",
    ),
    (
        activity_with(retry_policy=ActivityRetryPolicy(0)),
        ValueError,
        "activity 'charge': retry_policy: max_attempts must be at least 1, got 0",
    ),
    (
        activity_with(retry_policy=ActivityRetryPolicy(3, "1")),  # type: ignore[arg-type]
        TypeError,
        "initial_interval_seconds must be a number, got '1' (str)",
    ),
    (
        activity_with(retry_policy=ActivityRetryPolicy(backoff_seconds=5)),  # type: ignore[arg-type]
        TypeError,
        "backoff_seconds must be a list of whole numbers, got 5 (int)",
    ),
    (
        activity_with(retry_policy=ActivityRetryPolicy(backoff_seconds=["a"])),  # type: ignore[list-item]
        ValueError,
        "backoff_seconds must be a list of whole numbers, got ['a'] (list)",
    ),
    (
        activity_with(
            retry_policy=ActivityRetryPolicy(non_retryable_error_types="KeyError")  # type: ignore[arg-type]
        ),
        TypeError,
        "non_retryable_error_types must be a list of names, got 'KeyError' (str)",
    ),
    (
        activity_with(start_to_close_timeout="1"),
        TypeError,
        "activity 'charge': start_to_close_timeout must be a whole number of seconds, "
        "got '1' (str)",
    ),
    (activity_with(heartbeat_timeout=1.5), TypeError, "heartbeat_timeout must be a whole number"),
    (activity_with(schedule_to_close_timeout=True), TypeError, "got True (bool)"),
    (activity_with(schedule_to_start_timeout=timedelta(1)), TypeError, "use its total_seconds()"),
    (
        activity_with(start_to_close_timeout=0),
        ValueError,
        "activity 'charge': start_to_close_timeout must be at least 1 second, got 0",
    ),
    (
        activity_with(start_to_close_timeout=9, schedule_to_close_timeout=5),
        ValueError,
        "start_to_close_timeout must not exceed schedule_to_close_timeout, got 9 and 5",
    ),
    (activity_with(queue=5), TypeError, "activity 'charge': queue must be a string, got 5 (int)"),
    (
        CTX.schedule_activity(charge, []),
        TypeError,
        "(function); give its name instead: 'charge-card'",
    ),
    (CTX.schedule_activity(print, []), TypeError, "give its name instead: 'print'"),
    (CTX.schedule_activity(None, []), TypeError, "activity_type must be a string, got None"),
    (CTX.start_child_workflow(Refund), TypeError, "give its name instead: 'refund'"),
    (
        CTX.start_child_workflow("c", run_timeout_seconds="1"),
        TypeError,
        "child workflow 'c': run_timeout_seconds must be a whole number of seconds, got '1' (str)",
    ),
    (
        CTX.start_child_workflow("c", retry_policy=[1]),
        TypeError,
        "child workflow 'c': retry_policy must be a retry policy object",
    ),
    (
        CTX.start_child_workflow("c", parent_close_policy=1),
        TypeError,
        "child workflow 'c': parent_close_policy must be a string, got 1 (int)",
    ),
    (
        CTX.start_child_workflow("c", parent_close_policy="cancel"),
        ValueError,
        "child workflow 'c': parent_close_policy must be one of abandon, request_cancel, "
        "terminate, got 'cancel'",
    ),
    (
        CTX.upsert_search_attributes({}),
        ValueError,
        "search attributes: there must be at least one, got {} (dict)",
    ),
    (
        CTX.upsert_search_attributes({"price": math.nan}),
        ValueError,
        "search attributes: 'price': nan is not JSON compliant: it has no NaN and no infinity",
    ),
    (
        CTX.upsert_search_attributes({"tags": ["a", "\ud800"]}),
        ValueError,
        "search attributes: 'tags': text cannot be encoded: 'utf-8' codec can't encode character "
        "'\\ud800' in position 0: surrogates not allowed at [1]",
    ),
    (CTX.start_child_workflow("c", task_queue=1), TypeError, "task_queue must be a string"),
    (CTX.start_timer(None), TypeError, "timer: seconds must be a number of seconds, got None"),
    (CTX.start_timer("soon"), TypeError, "got 'soon' (str)"),
    (CTX.start_timer(True), TypeError, "got True (bool)"),
    (CTX.start_timer(-1), ValueError, "timer: seconds must be finite and at least 0, got -1"),
    (CTX.start_timer(float("nan")), ValueError, "got nan"),
    (CTX.start_timer(10**400), ValueError, "timer: seconds must be finite and at least 0, got 1"),
    (CTX.start_timer(-(10**400)), ValueError, "timer: seconds must be finite and at least 0"),
    (CTX.start_timer(10**5000), ValueError, "timer: seconds must be finite and at least 0"),
    (
        activity_with(start_to_close_timeout=10**400),
        ValueError,
        "activity 'charge': start_to_close_timeout must be finite, got 1",
    ),
    (
        CTX.wait_condition(lambda: True, key=5),
        TypeError,
        "wait_condition: key must be a string, got 5 (int)",
    ),
    (CTX.continue_as_new(workflow_type=Refund), TypeError, "give its name instead: 'refund'"),
    (ContinueAsNew(task_queue=3), TypeError, "continue_as_new: task_queue must be a string"),  # type: ignore[arg-type]
    (
        CTX.get_version("v", None, 2),
        TypeError,
        "version marker 'v': min_supported must be a whole number, got None",
    ),
    (
        CTX.get_version("v", 3, 2),
        ValueError,
        "version marker 'v': min_supported must not exceed max_supported, got 3 and 2",
    ),
    (
        CTX.get_version("v", 1, 10**5000),
        ValueError,
        "version marker 'v': version must be finite",
    ),
    (
        activity_with(retry_policy=ActivityRetryPolicy(initial_interval_seconds=10**400)),
        ValueError,
        "activity 'charge': retry_policy: initial_interval_seconds must be finite, got 1",
    ),
    (CTX.patched(7), TypeError, "version marker: change_id must be a string, got 7 (int)"),
    (
        CTX.upsert_search_attributes({"When": object()}),
        TypeError,
        "search attributes: 'When' must be a string, a number",
    ),
    (CTX.upsert_search_attributes({5: 1}), TypeError, "names must be strings, got 5 (int)"),
]


@pytest.mark.parametrize(("command", "kind", "says"), WRONG)
def test_what_a_completion_cannot_say(command: Any, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind) as caught:
        command.to_server_command("q")
    assert says in str(caught.value)


# What is refused where it is written: it raises in the workflow's code.
@pytest.mark.parametrize(
    ("build", "kind", "says"),
    [
        (
            lambda: CTX.sleep("3"),
            TypeError,
            "sleep: seconds must be a finite number of seconds, got '3' (str)",
        ),
        (lambda: CTX.sleep(None), TypeError, "got None"),
        (lambda: CTX.sleep(timedelta(minutes=1)), TypeError, "use its total_seconds()"),
        (lambda: CTX.sleep(float("nan")), ValueError, "got nan (float)"),
        (lambda: CTX.sleep(float("inf")), OverflowError, "got inf (float)"),
        (lambda: CTX.sleep(10**400), OverflowError, "sleep: seconds must be a finite number"),
        (lambda: CTX.sleep(10**5000), OverflowError, "sleep: seconds must be a finite number"),
        (
            lambda: CTX.wait_condition(bool, key="k", timeout=10**400),
            OverflowError,
            "wait_condition 'k': timeout must be a finite number of seconds, got 1",
        ),
        (
            lambda: CTX.wait_condition(bool, key="k", timeout="3"),
            TypeError,
            "wait_condition 'k': timeout must be a finite number of seconds, got '3' (str)",
        ),
        (
            lambda: CTX.upsert_search_attributes(5),
            TypeError,
            "upsert_search_attributes: attributes must be a mapping of names to values, got 5",
        ),
        (lambda: CTX.upsert_search_attributes("abc"), ValueError, "got 'abc' (str)"),
        (
            lambda: CTX.side_effect(5).result,
            TypeError,
            "side_effect: fn must be a function without arguments, got 5 (int)",
        ),
        (lambda: CTX.side_effect(None).result, TypeError, "got None"),
    ],
)
def test_what_code_cannot_ask_for(build: Any, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind) as caught:
        build()
    assert says in str(caught.value)


def test_a_long_value_is_shown_in_part() -> None:
    with pytest.raises(TypeError) as caught:
        activity_with(queue=list(range(1000))).to_server_command("q")
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "command",
    [
        CTX.sleep(-1),
        CTX.sleep(True),
        CTX.sleep(Decimal("0.5")),
        CTX.start_timer("3"),
        CTX.start_timer(0.5),
        CTX.get_version("v", "1", "2"),
        activity_with(retry_policy=[("max_attempts", 2)]),
        activity_with(retry_policy=ActivityRetryPolicy(2, Decimal(1))),  # type: ignore[arg-type]
    ],
)
def test_what_was_always_understood_still_is(command: Any) -> None:
    assert command.to_server_command("q")["type"] == command.wire_type
