"""How SQLite finds the rows of each statement: by an index, or a server slows down as it fills."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from durable_workflow.server.store.schema import load_migrations
from durable_workflow.server.store.sqlite._database import MEMORY, Database
from durable_workflow.server.store.sqlite._texts import short
from durable_workflow.server.store.statements import Statement, load_statements, parse_statements

# These hold what is open alone, so they may be gone through from end to end.
OF_THE_OPEN = re.compile(r"USING (?:COVERING )?INDEX (runs|activities)_leased$")
# What is given, what an inner query has limited, and the classes of a queue found so far.
BOUNDED = (
    "SCAN json_each ",
    "SCAN CONSTANT",
    "SCAN (subquery-",
    "SCAN first_ones",
    "SCAN sized",
    "SCAN lowest",
    "SCAN classes",
    "SCAN c",
)
# Everything that a namespace has ever had, or all of it that is of one type or queue or state.
OF_A_NAMESPACE = re.compile(
    r"\b(runs|r) USING INDEX (?!runs_leased)\w+ \(namespace=\?\)|INDEX runs_by_(?!task )"
)

# All workers and all namespaces, which are few; and the first ones of an index that are to go.
READ_WHOLE = {
    "shift_workers",
    "all_workers",
    "namespaces",
    "namespaces_going",
    "count_namespaces",
    "oldest_namespaces",
    "some_runs_of_namespace",
    "expired_runs",
    "expired_runs_without_payloads",
    "removed_runs",
    "unread_runs",
    # Figures for operators: of the open runs, and one count of all.
    "open_run_figures",
    "runs_by_status_counts",
}
# Figures for operators again: each state has an index of its own.
OF_STATES = {
    "activity_figures": "activities",
    "archived_runs": "runs",
    "failing_workflow_types": "runs",
    "workflow_task_figures": "runs",
    # And for whoever watches the server.
    "count_leased_activity_tasks": "activities",
    "count_leased_workflow_tasks": "runs",
    "waiting_activity_tasks": "activities",
    "waiting_workflow_tasks": "runs",
}

STATEMENTS = load_statements("sqlite")


def program(database: Database, text: str, values: object) -> list[tuple[object, ...]]:
    """What SQLite makes of a statement, without its own comments."""
    rows = database.writer.execute(f"EXPLAIN {text}", values).fetchall()  # type: ignore[arg-type]
    return [row[:6] for row in rows]


def with_defaults(name: str) -> str:
    """A statement that says of each column that it leaves out what is there without that."""
    text = STATEMENTS[name].text
    if name == "insert_run":
        text = text.replace(" lease_claim)", " lease_claim, removed_from)")
        text = text.replace(" :lease_claim)", " :lease_claim, NULL)")
    return text


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_means_the_same_in_few_characters(name: str, database: Database) -> None:
    statement = STATEMENTS[name]
    text = short(statement, database.columns())
    assert len(text) <= len(statement.text)
    named = program(database, with_defaults(name), dict.fromkeys(statement.order))
    assert program(database, text, [None] * len(statement.order)) == named


def test_quotes_are_kept_as_they_are_and_comments_are_not() -> None:
    text = """SELECT 'a , = :b -- it''s', "c (d)" -- e 'f :g
    FROM t WHERE a <= :long_name  AND b = ( :other ) AND c IN (:long_name, :other)"""
    order = ("long_name", "other")
    statement = Statement("s", "it is short", text, text, order, frozenset(order), "here")
    assert short(statement, {}) == (
        """SELECT 'a , = :b -- it''s',"c (d)" """
        """ FROM t WHERE a <=?1 AND b=(?2)AND c IN(?1,?2)"""
    )


@pytest.mark.parametrize(
    ("text", "columns", "shortened"),
    [
        ("INSERT INTO t (a, b) VALUES (:a, :b)", "ab", "INSERT INTO t VALUES(?,?)"),
        # The values are given in the order of the statement, whatever that of the table is.
        ("INSERT INTO t (a, b, c) VALUES (:a, 1, :c)", "cba", "INSERT INTO t VALUES(?2,1,?1)"),
        ("INSERT INTO t (a, b, c) VALUES (:a, :b, :c)", "bac", "INSERT INTO t VALUES(?2,?1,?)"),
        ("INSERT INTO t (a, b, c) VALUES (:a, :a, :c)", "bca", "INSERT INTO t VALUES(?1,?,?1)"),
        # What the statement does not give is what it is without that.
        ("INSERT INTO t (a, b) VALUES (:a, '')", "abc", "INSERT INTO t VALUES(?,'',0)"),
        ("INSERT INTO t (b, c) VALUES (:b, :c)", "abc", "INSERT INTO t VALUES(0,?,?)"),
        ("SELECT a, b FROM t WHERE a = :a", "ab", "SELECT * FROM t WHERE a=?"),
        (
            "SELECT a, b, (SELECT c FROM d WHERE c = a) FROM t WHERE a = :a",
            *("ab", "SELECT *,(SELECT c FROM d WHERE c=a)FROM t WHERE a=?"),
        ),
        # Where it would not be shorter, or is of another table, or reads other columns.
        ("INSERT INTO t (a) VALUES (:a)", "abcd", "INSERT INTO t(a)VALUES(?)"),
        ("INSERT INTO u (a, b) VALUES (:a, :b)", "ab", "INSERT INTO u(a,b)VALUES(?,?)"),
        ("INSERT INTO t (a, b) VALUES (:a, :b +1)", "ba", "INSERT INTO t(a,b)VALUES(?,? +1)"),
        ("INSERT INTO t (a, b) VALUES (-:a, '?')", "ba", "INSERT INTO t(a,b)VALUES(-?,'?')"),
        ("INSERT INTO t (a, d) VALUES (:a, :d)", "ab", "INSERT INTO t(a,d)VALUES(?,?)"),
        ("SELECT a FROM t WHERE a = :a", "ab", "SELECT a FROM t WHERE a=?"),
        ("SELECT b, a FROM t WHERE a = :a", "ab", "SELECT b,a FROM t WHERE a=?"),
        ("SELECT a FROM t JOIN u WHERE a = :a", "a", "SELECT a FROM t JOIN u WHERE a=?"),
        ("SELECT a, b FROM t AS u WHERE a = :a", "ab", "SELECT a,b FROM t AS u WHERE a=?"),
    ],
)
def test_columns_are_not_named_where_a_row_is_given_or_all_of_it_is_read(
    text: str, columns: str, shortened: str
) -> None:
    [statement] = parse_statements(f"-- s: it is short.\n{text};", "here")
    assert short(statement, {"t": dict.fromkeys(columns, "0")}) == shortened


def test_the_widest_row_is_put_without_names(database: Database) -> None:
    text = short(STATEMENTS["insert_run"], database.columns())
    assert text.startswith("INSERT INTO runs VALUES(")


@pytest.fixture
def database() -> Iterator[Database]:
    database = Database(MEMORY, load_migrations("sqlite"), now=0, vfs=None)
    yield database
    database.close()


def plan(database: Database, name: str) -> list[str]:
    statement = STATEMENTS[name]
    nothing = dict.fromkeys(statement.parameters)
    found = database.writer.execute(f"EXPLAIN QUERY PLAN {statement.text}", nothing).fetchall()
    return [step[3] for step in found]


@pytest.mark.parametrize("name", sorted(STATEMENTS.keys() - READ_WHOLE - OF_STATES.keys()))
def test_no_statement_goes_through_all_that_there_ever_was(database: Database, name: str) -> None:
    for step in plan(database, name):
        if step.startswith("SCAN ") and not step.startswith(BOUNDED):
            assert OF_THE_OPEN.search(step), step
        assert not OF_A_NAMESPACE.search(step), step


@pytest.mark.parametrize("name", OF_STATES)
def test_figures_of_a_state_are_read_by_its_index(database: Database, name: str) -> None:
    table = OF_STATES[name]
    steps = [step for step in plan(database, name) if f" {table} " in f"{step} "]
    assert steps
    for step in steps:
        assert re.match(rf"SEARCH {table} .*INDEX {table}_(ready|leased|archived) ", step), step


@pytest.mark.parametrize("name", ["claimable_run", "claimable_activity"])
def test_a_claim_takes_the_first_of_its_index(database: Database, name: str) -> None:
    assert not [step for step in plan(database, name) if "TEMP B-TREE" in step]
