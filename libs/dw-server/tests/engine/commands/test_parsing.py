"""The list of a completion is read as a whole: what each wrong field is told, and what fits."""

from __future__ import annotations

from typing import Any

import pytest

from durable_workflow._wire import names
from durable_workflow.server.engine.commands import parse_commands
from durable_workflow.server.engine.limits import Limits
from durable_workflow.server.engine.refusal import InvalidCommands, LimitExceeded
from durable_workflow.server.slices import at_once

Json = dict[str, Any]
ACTIVITY: Json = {"type": "schedule_activity", "activity_type": "a"}
CHILD: Json = {"type": "start_child_workflow", "workflow_type": "c"}
TIMER: Json = {"type": "start_timer", "delay_seconds": 1}
DONE: Json = {"type": "complete_workflow"}
UPDATED: Json = {"type": "complete_update", "update_id": "u"}


def errors_of(*commands: Json, **limits: int) -> list[str]:
    return sorted(at_once(parse_commands(list(commands), "json", Limits(**limits)))[1])


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        ({}, ["type"]),
        ({"type": "unknown"}, ["type"]),
        ({"type": 1}, ["type"]),
        ({"type": "schedule_activity"}, ["activity_type"]),
        (ACTIVITY | {"activity_type": "a" * 256}, ["activity_type"]),
        (ACTIVITY | {"activity_type": "a\0b"}, ["activity_type"]),
        (ACTIVITY | {"arguments": 1}, ["arguments"]),
        (ACTIVITY | {"arguments": {"codec": "odd", "blob": ""}}, ["arguments.codec"]),
        (ACTIVITY | {"heartbeat_timeout": 0}, ["heartbeat_timeout"]),
        (ACTIVITY | {"heartbeat_timeout": 9, "start_to_close_timeout": 3}, ["heartbeat_timeout"]),
        (ACTIVITY | {"retry_policy": {"max_attempts": 0}}, ["retry_policy.max_attempts"]),
        (ACTIVITY | {"retry_policy": {"backoff_seconds": [-1]}}, [
            "retry_policy.backoff_seconds.0"
        ]),
        (ACTIVITY | {"delay_seconds": 1}, ["delay_seconds"]),
        (CHILD | {"parent_close_policy": "odd"}, ["parent_close_policy"]),
        (CHILD | {"execution_timeout_seconds": 1, "run_timeout_seconds": 2}, [
            "run_timeout_seconds"
        ]),
        ({"type": "start_timer"}, ["delay_seconds"]),
        (TIMER | {"delay_seconds": -1}, ["delay_seconds"]),
        (TIMER | {"delay_seconds": float("inf")}, ["delay_seconds"]),
        ({"type": "open_condition_wait", "condition_wait_id": 7}, ["condition_wait_id"]),
        ({"type": "record_side_effect"}, ["result"]),
        ({"type": "upsert_search_attributes", "attributes": {}}, ["attributes"]),
        ({"type": "upsert_search_attributes", "attributes": {"a b": 1}}, ["attributes.a b"]),
        ({"type": "upsert_search_attributes", "attributes": {"a": {}}}, ["attributes.a"]),
        ({"type": "complete_update"}, ["update_id"]),
        ({"type": "fail_workflow"}, ["message"]),
        ({"type": "fail_workflow", "message": "m", "non_retryable": 2}, ["non_retryable"]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_command_is_told_by_field(command: Json, fields: list[str]) -> None:
    assert errors_of(TIMER, command) == [f"commands.1.{field}" for field in fields]


@pytest.mark.parametrize(
    ("word", "told"),
    [
        (None, "The commands.0.type field is required."),
        (" ", "The commands.0.type field is required."),
        ({"a": None}, "The commands.0.type field must be a string."),
        ("dance", "Workflow task command type [dance] is not supported by the server yet."),
    ],
)
def test_a_type_that_is_none_is_named_as_its_worker_wrote_it(word: object, told: str) -> None:
    errors = at_once(parse_commands([{"type": word}], "json", Limits()))[1]
    assert errors == {"commands.0.type": [told]}


@pytest.mark.parametrize(
    "command",
    [
        {"type": "x" * 100_000},
        {"type": "upsert_search_attributes", "attributes": {"x" * 100_000: 1}},
    ],
)
def test_what_a_worker_is_told_is_not_as_long_as_what_it_wrote(command: Json) -> None:
    errors = at_once(parse_commands([command], "json", Limits()))[1]
    assert 300 < len(str(errors)) < 2000


@pytest.mark.parametrize(
    "command",
    [
        ACTIVITY | {"heartbeat_timeout": "3", "start_to_close_timeout": None, "queue": ""},
        ACTIVITY | {"retry_policy": {"max_attempts": "2", "backoff_seconds": ["1"]}},
        TIMER | {"delay_seconds": "1"},
        TIMER | {"delay_seconds": 0.25, "retry_policy": None},
        {"type": "fail_workflow", "message": "m" * 1000, "non_retryable": "1"},
    ],
)
def test_the_spellings_of_reference_workers_are_read(command: Json) -> None:
    assert errors_of(command) == []


def test_text_for_people_is_bounded_as_payloads_are() -> None:
    failed = {"type": "fail_workflow", "message": "1234"}
    assert errors_of(failed, payload_bytes=3) == ["commands.0.message"]
    assert errors_of(failed, payload_bytes=4) == []


@pytest.mark.parametrize(
    ("commands", "told"),
    [
        ([DONE, DONE], "at most one terminal command"),
        ([UPDATED, UPDATED], "update u is ended twice"),
        ([ACTIVITY | {"retry_policy": {"odd": 1}}], "has none of the fields"),
    ],
)
def test_a_list_that_cannot_be_is_refused_as_a_whole(commands: list[Json], told: str) -> None:
    with pytest.raises(InvalidCommands, match=told):
        errors_of(*commands)


def test_a_list_that_is_too_long_is_not_read() -> None:
    with pytest.raises(LimitExceeded, match="command_batch_size 3"):
        errors_of({}, {}, {}, command_batch_size=2)


def test_what_a_completion_needs_to_have_loaded_is_known_from_its_commands() -> None:
    def needs(*commands: Json) -> tuple[bool, bool, list[str], bool]:
        parsed = at_once(parse_commands(list(commands), "json", Limits()))[0]
        return parsed.needs_details, parsed.blocks, parsed.update_ids, parsed.terminal is not None

    assert needs(TIMER) == (False, True, [], False)
    assert needs(CHILD) == (True, True, [], False)
    assert needs(UPDATED, DONE) == (False, False, ["u"], True)
    assert needs({"type": "continue_as_new"}) == (True, False, [], True)


@pytest.mark.parametrize("word", [*names.COMMAND_TYPES, names.PASS_SIGNAL])
def test_every_command_of_the_wire_has_a_table(word: str) -> None:
    assert "commands.0.type" not in errors_of({"type": word})
