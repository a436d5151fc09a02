"""Who imports whom."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from durable_workflow import (
    _HOME as HOME,  # pyright: ignore[reportPrivateUsage] (made for checks of wheels)
)

PACKAGE = "durable_workflow"

# Replay and the engine are pure: what they need of the world is given to them.
IMPURE = {
    "apsw", "asyncio", "concurrent", "fcntl", "http", "httpx", "io", "logging", "multiprocessing",
    "os", "pathlib", "queue", "random", "secrets", "select", "selectors", "shutil", "signal",
    "socket", "sqlite3", "ssl", "starlette", "subprocess", "tempfile", "threading", "time",
    "urllib", "uuid", "uvicorn",
}  # fmt: skip
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter"}

# Each layer of the server, and the layers it may call. The modules at the top hold them together.
LAYERS = {
    "fields": {"fields"},
    "engine": {"engine", "fields"},
    "filters": {"filters", "engine"},
    "store": {"store", "filters"},
    "requests": {"requests", "fields"},
    "executors": {"executors"},
    "records": {"records", "engine", "store"},
    "views": {"views", "records", "filters", "requests", "engine", "fields", "store"},
    "services": {
        "services",
        "executors",
        "views",
        "records",
        "requests",
        "engine",
        "fields",
        "store",
    },
    "dispatch": {"dispatch", "store"},
    "timers": {"timers", "services", "records", "engine", "store"},
    "querying": {
        "querying",
        "services",
        "views",
        "records",
        "requests",
        "engine",
        "fields",
        "store",
    },
    "exporting": {"exporting", "services", "views", "records", "requests", "engine", "store"},
    "api": {
        "api",
        "executors",
        "exporting",
        "querying",
        "services",
        "views",
        "requests",
        "dispatch",
        "engine",
        "fields",
        "store",
    },
    # A carrier knows the api and what it replies with, and nothing of how that comes about.
    "http": {"http", "api", "fields"},
}


class Import(NamedTuple):
    file: Path
    line: int
    module: str
    """The absolute dotted name of what is imported, down to a name in `from x import name`."""


def imports_of(file: Path, package: str = "") -> Iterator[Import]:
    """Yield what a file imports when it runs; what only type checkers read is not meant."""
    tree = ast.parse(file.read_text(), str(file))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(file, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [base])])
            for alias in node.names:
                yield Import(file, node.lineno, f"{base}.{alias.name}")


def sources(root: Path, pattern: str) -> Iterator[tuple[Path, str]]:
    """Yield each source file of a wheel and the package that its relative imports start from."""
    for file in sorted(root.glob(f"libs/{pattern}")):
        parts = file.parts[file.parts.index(PACKAGE) :]
        yield file, ".".join(parts[:-1])


def wheel_of(name: str, owners: dict[str, str]) -> str:
    """Return the wheel that brings `durable_workflow.<entry>...`, re-exports included."""
    entry = name.split(".")[1] if "." in name else ""
    if entry in owners:
        return owners[entry]
    return HOME[entry][2] if entry in HOME else "dw-core"


def test_a_wheel_imports_only_itself_and_dw_core(root: Path, owners: dict[str, str]) -> None:
    wrong: list[str] = []
    for file, package in sources(root, "*/src/durable_workflow/**/*.py"):
        wheel = file.relative_to(root).parts[1]
        for found in imports_of(file, package):
            if found.module.split(".")[0] == PACKAGE:
                wanted = wheel_of(found.module, owners)
                if wanted not in {wheel, "dw-core"}:
                    wrong.append(f"{file.relative_to(root)}:{found.line} {found.module}")
    assert not wrong, f"a library wheel needs dw-core and no other wheel of ours: {wrong}"


def test_the_tests_of_a_wheel_import_only_it_and_dw_core(
    root: Path, owners: dict[str, str]
) -> None:
    wrong: list[str] = []
    for file in sorted(root.glob("libs/*/tests/**/*.py")):
        wheel = file.relative_to(root).parts[1]
        for found in imports_of(file):
            if found.module.split(".")[0] == PACKAGE:
                wanted = wheel_of(found.module, owners)
                if wanted not in {wheel, "dw-core"}:
                    wrong.append(f"{file.relative_to(root)}:{found.line} {found.module}")
    assert not wrong, f"tests of several wheels belong in integration/: {wrong}"


def test_a_wheel_imports_only_third_parties_that_it_declares(root: Path) -> None:
    wrong: list[str] = []
    for file, package in sources(root, "*/src/durable_workflow/**/*.py"):
        wheel = file.relative_to(root).parts[1]
        project = tomllib.loads((root / "libs" / wheel / "pyproject.toml").read_text())["project"]
        extras = project.get("optional-dependencies", {}).values()
        lines = [*project.get("dependencies", []), *(line for extra in extras for line in extra)]
        declared = {re.split(r"[^\w-]", line)[0].replace("-", "_").lower() for line in lines}
        for found in imports_of(file, package):
            if found.module.split(".")[0] in {*sys.stdlib_module_names, PACKAGE}:
                continue
            # A package of a shared namespace is called as its path: `azure.core`, azure-core.
            named = f"{found.module.replace('.', '_')}_".lower()
            if not any(named.startswith(f"{name}_") for name in declared):
                wrong.append(f"{file.relative_to(root)}:{found.line} {found.module}")
    assert not wrong, f"not among the dependencies of its wheel: {wrong}"


def test_kernel_and_engine_do_no_io_and_read_no_clock(root: Path) -> None:
    pure = [
        *sources(root, "dw-core/src/durable_workflow/_kernel/**/*.py"),
        *sources(root, "dw-server/src/durable_workflow/server/engine/**/*.py"),
        *sources(root, "dw-server/src/durable_workflow/server/fields/**/*.py"),
    ]
    assert pure
    wrong: list[str] = []
    for file, package in pure:
        for found in imports_of(file, package):
            if found.module.split(".")[0] in IMPURE:
                wrong.append(f"{file.relative_to(root)}:{found.line} {found.module}")
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id in {"datetime", "date", "time"}
                and node.func.attr in CLOCKS
            ):
                wrong.append(f"{file.relative_to(root)}:{node.lineno} {ast.unparse(node.func)}")
    assert not wrong, f"pure code is given time, ids and chance, and reaches for none: {wrong}"


def test_each_layer_of_the_server_calls_only_what_is_below_it(root: Path) -> None:
    server = root / "libs/dw-server/src/durable_workflow/server"
    wrong: list[str] = []
    for layer, below in LAYERS.items():
        for file, package in sources(
            root, f"dw-server/src/durable_workflow/server/{layer}/**/*.py"
        ):
            for found in imports_of(file, package):
                parts = found.module.split(".")
                if parts[:2] == [PACKAGE, "server"] and len(parts) > 2:
                    target = parts[2]
                    if (server / target).is_dir() and target not in below:
                        wrong.append(f"{file.relative_to(root)}:{found.line} {found.module}")
    assert not wrong, f"layers of the server are crossed: {wrong}"


def test_nothing_above_the_store_knows_which_database_it_is(root: Path) -> None:
    wrong = [
        f"{file.relative_to(root)}:{found.line} {found.module}"
        for layer in LAYERS
        if layer != "store"
        for file, package in sources(root, f"dw-server/src/durable_workflow/server/{layer}/**/*.py")
        for found in imports_of(file, package)
        if "apsw" in found.module or f"{PACKAGE}.server.store.sqlite" in found.module
    ]
    assert not wrong, f"only the assembly at the top names a store: {wrong}"


def test_examples_use_public_names_only(root: Path) -> None:
    wrong = [
        f"{found.file.relative_to(root)}:{found.line} {found.module}"
        for folder in ("examples", "typing_tests")
        for file in sorted((root / folder).rglob("*.py"))
        for found in imports_of(file)
        if found.module.startswith(PACKAGE)
        and any(part.startswith("_") for part in found.module.split("."))
    ]
    assert not wrong, f"users are shown private modules: {wrong}"
