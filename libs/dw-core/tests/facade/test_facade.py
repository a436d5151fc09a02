# pyright: reportPrivateUsage=false, reportUnusedImport=false, reportUnknownLambdaType=false, reportUnknownArgumentType=false

import ast
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

import durable_workflow
from durable_workflow import _facade, _protocol
from durable_workflow._protocol import installed_version

FOLDER = Path(_facade.__file__).parent
OTHER_WHEELS = {
    home.probe
    for home in [*_facade.EXPORTS.values(), *_facade.SUBMODULES.values()]
    if home.wheel != "dw-core" and home.probe != "metrics"
} | {"cli", "client", "history_bundle_verify", "server", "sync"}


def declared() -> dict[str, tuple[str, str]]:
    """Module and attribute of each name that type checkers are told of."""
    tree = ast.parse((FOLDER / "__init__.py").read_text())
    (block,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    names: dict[str, tuple[str, str]] = {}
    for statement in block.body:
        if isinstance(statement, ast.ImportFrom):
            module = str(statement.module).removeprefix("durable_workflow").removeprefix(".")
            for alias in statement.names:
                home = (module, alias.name) if module else (alias.name, "")
                names[str(alias.asname)] = home
        elif isinstance(statement, ast.Assign):  # a name that is another one in its own module
            (target,), value = statement.targets, statement.value
            assert isinstance(target, ast.Name)
            assert isinstance(value, ast.Attribute)
            names[target.id] = (names[ast.unparse(value.value)][0], value.attr)
    return {name: home for name, home in names.items() if not name.startswith("_")}


def test_type_checkers_are_told_what_the_table_says() -> None:
    for name, home in declared().items():
        row = _facade.EXPORTS[name]
        assert (row.module, row.attribute) == home


def test_type_checkers_are_told_of_every_name_that_is_there() -> None:
    told = set(declared())
    for name in set(durable_workflow.__all__) - {"__version__"}:
        assert name in told, name


def test_every_name_that_is_offered_is_there() -> None:
    for name in durable_workflow.__all__:
        assert getattr(durable_workflow, name) is not None, name


def test_names_of_later_releases_are_not_there_yet() -> None:
    for name in _facade.LATER:
        home = (dict(_facade.EXPORTS) | dict(_facade.SUBMODULES))[name]
        assert not _facade.is_installed(home), f"{name} has come: take it out of LATER"
        assert name not in durable_workflow._HOME


def test_every_name_of_this_wheel_resolves_to_one_object() -> None:
    for name, home in _facade.EXPORTS.items():
        if home.wheel == "dw-core":
            value = getattr(durable_workflow, name)
            module = sys.modules[f"durable_workflow.{home.module}"]
            assert value is (getattr(module, home.attribute) if home.attribute else module)
            assert vars(durable_workflow)[name] is value


def test_the_list_of_public_names_is_what_is_installed() -> None:
    installed = {name for name, home in _facade.EXPORTS.items() if _facade.is_installed(home)}
    assert set(durable_workflow.__all__) == installed | {"__version__"}
    assert dir(durable_workflow) == sorted(durable_workflow.__all__)


def test_the_table_has_every_published_name(published: dict[str, Any]) -> None:
    names = {
        name: entry
        for name, entry in published["durable_workflow"].items()
        if name != "__version__"
    }
    submodules = {name for name, entry in names.items() if entry["kind"] == "module"}
    assert set(names) - submodules <= set(_facade.EXPORTS)
    assert submodules <= set(_facade.EXPORTS) | set(_facade.SUBMODULES)
    for name in set(names) - submodules:
        row = _facade.EXPORTS[name]
        home = row.module if row.attribute == name else f"{row.module}.{row.attribute}"
        if name == "RetryPolicy":
            home = names[name]["home"]  # an alias, whichever of its names is given
        assert (home, row.wheel) == (names[name]["home"], names[name]["wheel"]), name


def test_the_additions_are_there() -> None:
    for name in (
        "SearchAttributeNotFound",
        "WorkerNotFound",
        "WorkflowContinuedAsNew",
        "WorkflowTimedOut",
    ):
        assert issubclass(getattr(durable_workflow, name), durable_workflow.DurableWorkflowError)
    assert durable_workflow.RetryPolicy is durable_workflow.TransportRetryPolicy


def test_submodules_are_attributes() -> None:
    for name, home in _facade.SUBMODULES.items():
        if _facade.is_installed(home) and home.wheel == "dw-core":
            assert getattr(durable_workflow, name).__name__ == f"durable_workflow.{name}"


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(durable_workflow, "nonsense")
    with pytest.raises(ImportError, match="cannot import name 'nonsense'"):
        from durable_workflow import nonsense  # noqa: F401


def test_a_missing_wheel_is_an_import_error_with_the_install_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_facade, "find_spec", lambda name: None)
    monkeypatch.setattr(_protocol, "version", absent)
    for name, home in (dict(_facade.EXPORTS) | dict(_facade.SUBMODULES)).items():
        with pytest.raises(ImportError, match=f"{name} .*pip install {home.wheel}$"):
            _facade.resolve(name)
    assert _facade.installed_names() == []


def absent(distribution: str) -> str:
    raise PackageNotFoundError(distribution)


def test_a_wheel_too_old_to_have_a_name_is_to_be_upgraded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_facade, "find_spec", lambda name: None)
    monkeypatch.setattr(_protocol, "version", lambda distribution: "1.0.0")
    expected = "Worker is not in dw-worker 1.0.0: pip install --upgrade dw-worker$"
    with pytest.raises(ImportError, match=expected):
        _facade.resolve("Worker")


def fails_to_import(name: str) -> Any:
    raise ImportError("cannot import name 'LaterName' from 'durable_workflow._meet'")


def test_a_wheel_that_is_newer_than_dw_core_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"dw-core": "1.2.0", "dw-worker": "1.10.0"}
    monkeypatch.setattr(_facade, "is_installed", lambda home: True)
    monkeypatch.setattr(_facade, "import_module", fails_to_import)
    monkeypatch.setattr(_protocol, "version", versions.__getitem__)
    expected = (
        r"dw-worker 1\.10\.0 needs a newer dw-core than 1\.2\.0: pip install --upgrade dw-core$"
    )
    with pytest.raises(ImportError, match=expected) as caught:
        _facade.resolve("Worker")
    assert "LaterName" in str(caught.value.__cause__)


@pytest.mark.parametrize("worker", ["1.2.0", "1.1.9"])
def test_an_import_that_fails_for_another_reason_stays_as_it_is(
    monkeypatch: pytest.MonkeyPatch, worker: str
) -> None:
    versions = {"dw-core": "1.2.0", "dw-worker": worker}
    monkeypatch.setattr(_facade, "is_installed", lambda home: True)
    monkeypatch.setattr(_facade, "import_module", fails_to_import)
    monkeypatch.setattr(_protocol, "version", versions.__getitem__)
    with pytest.raises(ImportError, match="LaterName"):
        _facade.resolve("Worker")


@pytest.fixture
def alone(tmp_path: Path) -> Any:
    """Runs a program that sees this wheel and the standard library, and nothing else."""
    package = tmp_path / "durable_workflow"
    package.mkdir()
    for entry in FOLDER.iterdir():
        if entry.stem not in OTHER_WHEELS:
            (package / entry.name).symlink_to(entry)

    def run(program: str) -> str:
        prelude = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", prelude + program],
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.stderr
        return done.stdout

    return run


def test_alone_the_wheel_offers_its_own_names_and_says_what_the_others_need(alone: Any) -> None:
    program = """
from durable_workflow import *
import durable_workflow
from durable_workflow._facade import EXPORTS, SUBMODULES
assert "Client" not in globals() and "Worker" not in durable_workflow.__all__
assert InMemoryMetrics is durable_workflow.metrics.InMemoryMetrics
for name, home in (EXPORTS | SUBMODULES).items():
    try:
        getattr(durable_workflow, name)
    except ImportError as error:
        assert home.wheel != "dw-core" and f"pip install {home.wheel}" in str(error), name
    else:
        assert home.wheel == "dw-core" or name == "PrometheusMetrics", name
try:
    from durable_workflow import Worker
except ImportError as error:
    print(error)
try:
    durable_workflow.PrometheusMetrics()
except RuntimeError as error:
    print(error)
"""
    first, second = alone(program).splitlines()
    assert first.endswith("pip install dw-worker")
    assert "pip install dw-metrics-prometheus" in second


def test_importing_the_package_imports_nothing_heavy(alone: Any) -> None:
    program = """
import durable_workflow
heavy = {"asyncio", "avro", "fastavro", "json", "importlib.metadata", "httpx"}
print(sorted(heavy & set(sys.modules)))
print(sorted(name for name in sys.modules if name.startswith("durable_workflow.")))
"""
    heavy, ours = alone(program).splitlines()
    assert heavy == "[]"
    assert ours == "['durable_workflow._facade']"


def test_the_version_is_that_of_the_installed_distribution(alone: Any) -> None:
    assert durable_workflow.__version__ == installed_version("durable-workflow", "dw-core")
    assert alone("import durable_workflow; print(durable_workflow.__version__)") == (
        "0.0.0+unknown\n"
    )
