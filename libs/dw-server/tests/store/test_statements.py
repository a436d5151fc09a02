from __future__ import annotations

from pathlib import Path

import pytest

from durable_workflow.server.store.errors import StatementMisused
from durable_workflow.server.store.statements import load_statements, parse_statements


def test_a_statement_is_a_name_a_promise_a_text_and_its_parameters() -> None:
    text = """
-- A comment before the first statement.
-- lease_task: gives one task away.
-- This comment belongs to it, and :this is not a parameter.
UPDATE tasks SET owner = :owner, note = 'it''s :quoted', at = :now::bigint
WHERE id = :task_id;

-- list: all of them.
SELECT 1;
"""
    first, second = parse_statements(text, "tasks.sql")

    assert (first.name, first.promise, first.source) == (
        "lease_task",
        "gives one task away.",
        "tasks.sql",
    )
    assert first.parameters == {"owner", "now", "task_id"}
    assert first.text.endswith("WHERE id = :task_id")
    assert (second.name, second.text, second.parameters) == ("list", "SELECT 1", frozenset())


@pytest.mark.parametrize("text", ["SELECT 1;", "-- a: empty.\n-- b: not.\nSELECT 1;"])
def test_text_without_a_name_and_names_without_text_are_refused(text: str) -> None:
    with pytest.raises(StatementMisused):
        list(parse_statements(text, "x.sql"))


def test_a_name_stands_once(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("-- one: x.\nSELECT 1;")
    (tmp_path / "b.sql").write_text("-- one: x.\nSELECT 2;")

    with pytest.raises(StatementMisused, match=r"a\.sql and in b\.sql"):
        load_statements("sqlite", tmp_path)


def test_a_dialect_says_a_statement_its_own_way(tmp_path: Path) -> None:
    (tmp_path / "sqlite").mkdir()
    (tmp_path / "a.sql").write_text("-- one: x.\nSELECT :a;\n-- two: x.\nSELECT 2;")
    (tmp_path / "sqlite" / "a.sql").write_text("-- one: x.\nSELECT :a + 1;")

    assert load_statements("sqlite", tmp_path)["one"].text == "SELECT :a + 1"
    assert load_statements("postgres", tmp_path)["one"].text == "SELECT :a"


@pytest.mark.parametrize("override", ["-- three: x.\nSELECT 3;", "-- one: x.\nSELECT :other;"])
def test_a_dialect_overrides_only_what_is_there(tmp_path: Path, override: str) -> None:
    (tmp_path / "sqlite").mkdir()
    (tmp_path / "a.sql").write_text("-- one: x.\nSELECT :a;")
    (tmp_path / "sqlite" / "a.sql").write_text(override)

    with pytest.raises(StatementMisused):
        load_statements("sqlite", tmp_path)
