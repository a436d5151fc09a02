"""Runs as they are read: booleans are booleans, whatever the database has for them."""

from __future__ import annotations

import msgspec
import pytest

from durable_workflow.server.engine.state import Run
from durable_workflow.server.records import runs

FLAGS = ("warned", "holds", "task_ordinary", "updates_wait")


def row(flag: str, value: object) -> tuple[object, ...]:
    values = dict.fromkeys(Run.__struct_fields__, 0) | {"task_context": None, flag: value}
    return tuple(values.values())


def test_these_are_all_the_flags_that_a_run_has() -> None:
    fields = msgspec.structs.fields(Run)
    assert tuple(field.name for field in fields if field.type is bool) == FLAGS


@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize(("value", "read"), [(0, False), (1, True), (True, True)])
def test_a_flag_is_read_as_a_boolean(flag: str, value: object, read: bool) -> None:
    run = runs.load(row(flag, value))
    assert {name: getattr(run, name) for name in FLAGS} == dict.fromkeys(FLAGS, False) | {
        flag: read
    }
    assert type(getattr(run, flag)) is bool
