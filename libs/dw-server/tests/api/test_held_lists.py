from __future__ import annotations

import pytest

from durable_workflow.server.api.held_lists import attempts_of, stored_tasks

FLOW = {"kind": "workflow", "task_id": "t", "attempt": 1}
QUERY = {"kind": "query", "task_id": "q", "attempt": 1}


def test_query_tasks_are_left_out_and_the_malformed_kept_to_be_refused() -> None:
    assert stored_tasks([FLOW, QUERY, 1, {"kind": ["query"]}]) == [FLOW, 1, {"kind": ["query"]}]


@pytest.mark.parametrize("named", [None, "x", 1, {"kind": "workflow"}])
def test_what_is_no_list_names_nothing(named: object) -> None:
    assert stored_tasks(named) == []


def test_two_attempts_of_a_task_are_two() -> None:
    assert attempts_of([FLOW, FLOW | {"attempt": 2}, FLOW]) == {("t", 1), ("t", 2)}


def test_what_has_no_id_or_attempt_names_no_attempt() -> None:
    malformed: list[object] = [1, None, {}, FLOW | {"task_id": ["t"]}, FLOW | {"attempt": {}}]
    assert attempts_of(malformed) == set()
