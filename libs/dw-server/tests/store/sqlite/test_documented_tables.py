"""The tables that docs/engine.md explains are those of a database."""

from pathlib import Path

from durable_workflow.server.store.schema import load_migrations
from durable_workflow.server.store.sqlite._database import MEMORY, Database

PAGE = Path(__file__).parents[5] / "docs" / "engine.md"
# Says which migrations were applied.
OF_THE_STORE_ITSELF = {"schema_migrations"}


def test_every_table_is_explained() -> None:
    database = Database(MEMORY, load_migrations("sqlite"), now=0, vfs=None)
    rows = database.writer.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    database.close()
    section = PAGE.read_text().partition("## The tables")[2].partition("```")[0]
    lines = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| `")]
    explained = {cell.strip("`") for cell in lines}
    assert explained == {row[0] for row in rows} - OF_THE_STORE_ITSELF
