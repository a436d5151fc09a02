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


HOLDING = """
-- {lock}: held until the end.
FOR UPDATE;
-- {skip}: what is held elsewhere is left out.
FOR UPDATE SKIP LOCKED;
-- see: one box.
SELECT 1;
-- lock [lock]: one box to oneself.
SELECT 1
{lock};
-- take [take]: boxes that nobody has.
SELECT 1 LIMIT :most
{skip};
"""


def test_a_header_says_whether_rows_are_held_and_a_read_holds_none() -> None:
    found = {statement.name: statement for statement in parse_statements(HOLDING, "b.sql")}

    assert {name: statement.holds for name, statement in found.items()} == {
        "see": None,
        "lock": "lock",
        "take": "take",
    }
    assert found["take"].text == "SELECT 1 LIMIT :most\nFOR UPDATE SKIP LOCKED"
    assert found["take"].read_text.strip() == "SELECT 1 LIMIT :most"
    assert found["see"].read_text == found["see"].text


@pytest.mark.parametrize(
    ("header", "text"),
    [("one", "{lock}"), ("one [lock]", ""), ("one [lock]", "{skip}"), ("one [take]", "{lock}")],
)
def test_a_header_and_a_text_that_disagree_are_refused(header: str, text: str) -> None:
    with pytest.raises(StatementMisused, match="header and text of 'one' differ"):
        list(parse_statements(f"{HOLDING}-- {header}: x.\nSELECT 1 {text};", "b.sql"))


@pytest.mark.parametrize("dialect", ["sqlite", "postgres"])
def test_what_takes_rows_is_told_how_many(dialect: str) -> None:
    taking = [one for one in load_statements(dialect).values() if one.holds == "take"]
    assert taking
    assert [one.name for one in taking if "most" not in one.parameters] == []
