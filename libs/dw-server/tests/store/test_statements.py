from __future__ import annotations

import re
from pathlib import Path

import pytest

from durable_workflow.server.store.errors import StatementMisused
from durable_workflow.server.store.statements import QUERIES, load_statements, parse_statements


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


FRAGMENTS = """
-- {box_columns}: the columns of a box.
    name,
    content;
-- {now}: a fragment with a parameter.
:now;
-- put: a new box.
INSERT INTO boxes ({box_columns}, at) VALUES ({:box_columns}, {now});
-- quote: what is not code is left alone.
SELECT '{nothing}' -- {nothing}
FROM boxes;
"""


def test_a_fragment_stands_where_a_statement_names_it() -> None:
    put, quote = parse_statements(FRAGMENTS, "boxes.sql")

    assert " ".join(put.text.split()) == (
        "INSERT INTO boxes (name, content, at) VALUES (:name, :content, :now)"
    )
    assert put.parameters == {"name", "content", "now"}
    assert quote.text == "SELECT '{nothing}' -- {nothing}\nFROM boxes"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-- one: x.\nSELECT {nothing};", r"b\.sql: 'one' names the fragment 'nothing'"),
        ("-- one: x.\nSELECT {Box columns};", r"b\.sql: 'one' names the fragment 'Box columns'"),
        ("-- {a}: x.\n1 + 1;\n-- one: x.\nSELECT {:a};", r"b\.sql: 'one' takes parameters of 'a'"),
        ("-- {a}: x.\n{b};\n-- {b}: x.\n1;\n-- one: x.\nSELECT {a};", r"b\.sql: .*'a' names anoth"),
        ("-- {a}: x.\n1;\n-- {a}: x.\n2;", r"'\{a\}' stands in b\.sql and in b\.sql"),
        ("-- {a}: x.\n-- one: x.\nSELECT 1;", r"b\.sql: '\{a\}' is empty"),
    ],
)
def test_fragments_that_cannot_be_put_in_are_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "b.sql").write_text(text)

    with pytest.raises(StatementMisused, match=told):
        load_statements("sqlite", tmp_path)


def test_a_dialect_says_a_fragment_its_own_way_in_every_statement(tmp_path: Path) -> None:
    (tmp_path / "sqlite").mkdir()
    (tmp_path / "a.sql").write_text("-- {list}: x.\nunnest(:list);")
    (tmp_path / "b.sql").write_text("-- one: x.\nSELECT * FROM {list};")
    (tmp_path / "sqlite" / "a.sql").write_text("-- {list}: x.\njson_each(:list);")

    assert load_statements("sqlite", tmp_path)["one"].text == "SELECT * FROM json_each(:list)"
    assert load_statements("postgres", tmp_path)["one"].text == "SELECT * FROM unnest(:list)"


def test_a_dialect_overrides_no_fragment_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "sqlite").mkdir()
    (tmp_path / "sqlite" / "a.sql").write_text("-- {list}: x.\n1;")

    with pytest.raises(StatementMisused, match=r"overrides '\{list\}', which does not exist"):
        load_statements("sqlite", tmp_path)


def test_every_fragment_is_used() -> None:
    text = "\n".join(file.read_text("utf-8") for file in QUERIES.glob("*.sql"))
    fragments = re.findall(r"^-- \{(\w+)\}:", text, re.MULTILINE)

    assert fragments
    assert [name for name in fragments if not re.search(rf"[ (]\{{:?{name}\}}", text)] == []
