"""Of a row that a unit changes the columns that differ in the end are written, by one statement."""

from __future__ import annotations

import itertools
from typing import Any, TypeAlias

import msgspec

from durable_workflow.server.store.sqlite._changes import Ways
from durable_workflow.server.store.sqlite._rows import UnitRows
from durable_workflow.server.store.statements import load_statements
from integration.harness.runs import plain_run

# Of each statement its text, and for how many rows it is run.
Texts: TypeAlias = list[tuple[str, int]]

STATEMENTS = load_statements("sqlite")
RUN = plain_run(run_id="r")


class RunsOfAUnit:
    """The rows of `runs` of one unit, which has read one of them."""

    def __init__(self) -> None:
        self.ways = Ways(STATEMENTS)
        self.rows = UnitRows(self.ways.kept["runs"])
        self.run = RUN
        self.rows.note(msgspec.structs.astuple(self.run))

    def change(self, **fields: Any) -> None:
        """Have both statements write all that they write of a run."""
        self.run = msgspec.structs.replace(self.run, **fields)
        row = msgspec.structs.astuple(self.run)
        for name in ("save_run", "close_run"):
            change = self.ways[name].change
            assert change is not None
            columns = self.ways.kept["runs"].table.columns
            values = tuple(row[columns.index(each)] for each in change.statement.order)
            assert self.rows.change(change, values)

    def written(self) -> Texts:
        """What is written now, and for how many rows."""
        written: Texts = []
        self.rows.write(lambda statement, some: written.append((statement.text, len(some))))
        return written


def test_several_changes_of_a_row_are_written_by_one_statement() -> None:
    unit = RunsOfAUnit()
    unit.change(last_sequence=7)
    unit.change(closed_reason="completed")

    [(text, count)] = unit.written()

    assert count == 1
    assert text.startswith("UPDATE runs SET ")
    assert text.endswith(" WHERE run_id = :run_id")
    assert "last_sequence = :last_sequence" in text
    assert "closed_reason = :closed_reason" in text


def test_only_columns_that_differ_are_written() -> None:
    unit = RunsOfAUnit()
    before = unit.run.last_sequence

    unit.change(last_sequence=7, history_bytes=8)
    unit.change(history_bytes=9)
    [(text, _)] = unit.written()
    assert text == (
        "UPDATE runs SET last_sequence = :last_sequence, history_bytes = :history_bytes"
        " WHERE run_id = :run_id"
    )
    # What was written is what the next change is compared with.
    unit.change(last_sequence=before)
    [(text, _)] = unit.written()
    assert text == "UPDATE runs SET last_sequence = :last_sequence WHERE run_id = :run_id"


def test_a_row_that_is_as_it_was_is_not_written() -> None:
    unit = RunsOfAUnit()
    before = unit.run.last_sequence

    unit.change(last_sequence=7)
    unit.change(last_sequence=before)

    assert unit.written() == []


def test_only_so_many_sets_of_columns_have_statements_of_their_own() -> None:
    unit = RunsOfAUnit()
    change = unit.ways["save_run"].change
    assert change is not None
    columns = itertools.chain(*(itertools.combinations(change.columns, size) for size in (1, 2)))
    texts: set[str] = set()

    for at, changed in enumerate(itertools.islice(columns, 200), 1):
        unit.change(**dict.fromkeys(changed, at))
        [(text, _)] = unit.written()
        assert all(f"{column} = :{column}" in text for column in changed)
        texts.add(text)

    assert len(texts) < 50
