"""Each error code of the contract, by what causes it; and what is not an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from durable_workflow.server.executors import load

Written = Callable[[Any], str]
Change = Callable[[dict[str, Any]], object]


def carrier(**members: Any) -> Change:
    return lambda document: document["carriers"]["lambda"].update(members)


def mapping(**members: Any) -> Change:
    return lambda document: document["mappings"][0].update(members)


def top(**members: Any) -> Change:
    return lambda document: document.update(members)


def policy(**members: Any) -> Change:
    return carrier(retry_policy=members)


def without_auth(**members: Any) -> Change:
    def change(document: dict[str, Any]) -> None:
        del document["defaults"]["auth_ref"]
        document["carriers"]["lambda"].update(members)

    return change


WRONG: dict[str, list[Change]] = {
    "invalid_schema": [
        top(carriers={}),
        top(carriers=[]),
        top(carriers={"lambda": 1}),
        top(mappings=[]),
        top(mappings={}),
        top(mappings=[1]),
        top(defaults=[]),
        top(auth_refs=[]),
        top(auth_refs={"prod": "env"}),
        mapping(name=None),
        mapping(name=" "),
        mapping(name=5),
        mapping(kind="query"),
        mapping(kind=["activity"]),
        carrier(type=None),
        carrier(capabilities="activity_task"),
        carrier(capabilities=[["activity_task"]]),
    ],
    "unknown_carrier": [mapping(carrier=name) for name in ("none", None, ["lambda"])],
    "unknown_auth_ref": [
        mapping(auth_ref="none"),
        mapping(auth_ref={}),
        carrier(auth_ref="none"),
        top(defaults={"auth_ref": "none", "task_queue": "q"}),
    ],
    "missing_handler_target": [
        mapping(handler=None),
        mapping(handler=""),
        mapping(activity_type=None),
        mapping(kind="workflow_start", carrier="shell"),
        mapping(kind="workflow_signal", carrier="shell", workflow_type="w"),
        mapping(kind="workflow_update", carrier="shell", workflow_type="w"),
        mapping(kind="webhook_ingress", carrier="shell"),
    ],
    "invalid_queue_binding": [
        top(defaults={"auth_ref": "prod"}),
        mapping(task_queue=""),
        mapping(task_queue=5),
    ],
    "unsupported_carrier_capability": [
        carrier(capabilities=[]),
        mapping(kind="workflow_start", workflow_type="w"),
    ],
    "missing_invocable_auth_ref": [without_auth(), without_auth(url="https://127.0.0.1/run")],
    "invalid_invocable_carrier_scope": [carrier(capabilities=["activity_task", "workflow_start"])],
    "invalid_carrier_target": [
        *(
            carrier(url=url)
            for url in (
                None, 5, "", "fn.example/run", "/run", "ftp://fn.example", "http://fn.example/run",
                "http://10.0.0.1/", "http://localhost.example/", "http://127.0.0.1.example/",
                "https://", "https:///run", "https://user@fn.example/", "https://u:p@fn.example/",
                "http://[::2]/", "https://[::1/", "https://fn.example:99999/",
                "https://fn.example/\n", "https://fn\texample/", "https://fn.example\\@evil/",
            )
        ),
        carrier(method="GET"),
        carrier(method=None),
        *(carrier(timeout_seconds=seconds) for seconds in (0, 901, 1.5, True, "30")),
        carrier(retry_policy=[]),
        *(policy(max_attempts=most) for most in (0, 6, True, "2")),
        *(policy(backoff_seconds=each) for each in (1, [-1], [301], [1.5], [True], [1] * 6)),
        *(policy(retryable_status_codes=each) for each in (503, [404], ["5xx"], [600], [500] * 21)),
    ],
}  # fmt: skip

RIGHT: list[Change] = [
    lambda document: None,
    top(unknown=1),
    top(defaults={"task_queue": "q"}, carriers={"lambda": {
        "type": "invocable_http", "url": "https://fn.example", "auth_ref": "prod"}}),
    mapping(auth_ref="other", task_queue="own"),
    mapping(carrier="shell"),
    mapping(kind="workflow_start", workflow_type="w", carrier="shell"),
    mapping(kind="workflow_signal", workflow_type="w", signal_name="s", carrier="shell"),
    mapping(kind="workflow_update", workflow_type="w", update_name="u", carrier="shell"),
    mapping(kind="webhook_ingress", idempotency_key="k", carrier="shell"),
    *(
        without_auth(url=url)
        for url in (
            "http://localhost/", "http://a.localhost:1/", "http://127.0.0.1:8000/run",
            "http://127.9.9.9/", "http://[::1]:80/",
        )
    ),
    carrier(timeout_seconds=900),
    policy(max_attempts=5, backoff_seconds=[0, 300], retryable_status_codes=[408, 425, 599]),
    policy(max_attempts=None, backoff_seconds=None, unknown=1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "change"), [(code, change) for code, changes in WRONG.items() for change in changes]
)
def test_what_is_wrong_has_its_code(
    code: str, change: Change, document: dict[str, Any], written: Written
) -> None:
    change(document)
    problems = load(written(document)).problems
    assert code in [problem.code for problem in problems]
    assert all(problem.message for problem in problems)


@pytest.mark.parametrize("change", RIGHT)
def test_what_is_right_has_none(change: Change, document: dict[str, Any], written: Written) -> None:
    change(document)
    assert load(written(document)).problems == ()


def test_problems_show_no_value_of_the_file(document: dict[str, Any], written: Written) -> None:
    document["carriers"]["lambda"]["url"] = "https://user:hush@fn.example/"
    document["mappings"][0]["handler"] = {"token": "hush"}
    document["mappings"][0]["auth_ref"] = {"token": "hush"}
    executors = load(written(document))
    assert len(executors.problems) == 3
    assert "hush" not in f"{executors.runtime()}{executors.warnings()}"
