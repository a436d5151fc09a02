"""The statements of the store: each is named, says what it promises, and is used."""

import ast
import re
from pathlib import Path

from durable_workflow.server.store.schema import load_migrations

QUERIES = "libs/dw-server/src/durable_workflow/server/store/queries"
NAMED = re.compile(r"^-- (\w+)(?: \[\w+\])?: (\S.*)$", re.MULTILINE)
RUNNERS = {"one", "all", "take", "do", "do_many"}


def statements(root: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for file in sorted((root / QUERIES).glob("**/*.sql")):
        for name, _promise in NAMED.findall(file.read_text()):
            assert name not in found, f"{name} stands in {found[name]} and in {file.name}"
            found[name] = file.name
    return found


def words_of_the_server(root: Path) -> set[str]:
    """Every string in the server's sources: a statement is run by its name."""
    return {
        node.value
        for file in (root / "libs/dw-server/src").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_statement_is_used(root: Path) -> None:
    named = statements(root)
    assert named
    assert sorted(named.keys() - words_of_the_server(root)) == []


def test_every_statement_that_is_run_exists(root: Path) -> None:
    named = statements(root)
    missing: list[str] = []
    for file in sorted((root / "libs/dw-server/src").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in RUNNERS
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in {"tx", "read", "view"}
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and node.args[0].value not in named
            ):
                missing.append(f"{file.relative_to(root)}:{node.lineno} {node.args[0].value!r}")
    assert missing == []


def test_statements_are_run_by_the_records_alone(root: Path) -> None:
    server = root / "libs/dw-server/src/durable_workflow/server"
    named = statements(root)
    wrong = [
        f"{file.relative_to(root)}:{node.lineno} {node.value}"
        for file in sorted(server.rglob("*.py"))
        if file.relative_to(server).parts[0] not in {"records", "store"}
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in RUNNERS
        for node in call.args[:1]
        if isinstance(node, ast.Constant) and node.value in named
    ]
    assert wrong == []


def test_units_of_work_log_nothing_but_through_their_transaction(root: Path) -> None:
    server = root / "libs/dw-server/src/durable_workflow/server"
    wrong = [
        f"{file.relative_to(root)}:{node.lineno}"
        for layer in ("engine", "records", "services")
        for file in sorted((server / layer).rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "getLogger"
    ]
    assert wrong == [], "a unit may run again: what it says goes through tx.say"


def test_sql_outside_the_stores_stands_in_sql_files_only(root: Path) -> None:
    sql = re.compile(
        r"^\s*(SELECT .* FROM|INSERT INTO|UPDATE \w+ SET|DELETE FROM)\s", re.IGNORECASE
    )
    wrong = [
        f"{file.relative_to(root)}:{node.lineno}"
        for file in sorted((root / "libs/dw-server/src").rglob("*.py"))
        if "store" not in file.parts  # a store asks its own database about itself
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and sql.match(node.value)
    ]
    assert wrong == []


def test_every_migration_has_a_number_of_its_own() -> None:
    numbers = [migration.version for migration in load_migrations("sqlite")]
    assert numbers == list(range(1, len(numbers) + 1))
