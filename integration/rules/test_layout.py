"""Where things stand, how large they are, and that lists which must agree do agree."""

import ast
import re
import tomllib
from pathlib import Path
from typing import Any

from releasing.versions import current

TOP_LEVEL = {
    "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "Containerfile", "pyproject.toml",
    "changelog.d", "docs", "examples", "integration", "libs", "scripts", "typing_tests",
}  # fmt: skip

MOST_LINES = 500
# Modules that are longer, each with what makes splitting it worse.
LONGER = {
    "libs/dw-core/tests/kernel/test_kept_machines.py": "a model server, and what it shows",
}

SHAPELESS = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}


def project(root: Path, wheel: str) -> dict[str, Any]:
    return tomllib.loads((root / "libs" / wheel / "pyproject.toml").read_text())


def test_the_top_level_holds_nothing_unexpected(root: Path, tracked: list[Path]) -> None:
    present = {path.relative_to(root).parts[0] for path in tracked}
    assert {name for name in present if not name.startswith(".")} <= TOP_LEVEL


def test_no_module_grows_past_the_limit(root: Path, tracked: list[Path]) -> None:
    long: dict[str, int] = {}
    for path in tracked:
        name = str(path.relative_to(root))
        if path.suffix == ".py" and "/_generated/" not in name:
            lines = len(path.read_text().splitlines())
            if lines > MOST_LINES:
                long[name] = lines
    assert {name: lines for name, lines in long.items() if name not in LONGER} == {}
    assert LONGER.keys() <= long.keys(), "listed as longer, and is not"


def test_only_dw_core_has_the_init_of_the_shared_package(root: Path) -> None:
    inits = [path.relative_to(root).parts[1] for path in root.glob("libs/*/src/*/__init__.py")]
    assert inits == ["dw-core"]
    text = (root / "libs/dw-core/src/durable_workflow/__init__.py").read_text()
    assert "__path__ = extend_path(__path__, __name__)" in text


def test_each_folder_of_the_shared_package_is_typed(root: Path) -> None:
    packages = [init.parent for init in root.glob("libs/*/src/durable_workflow/*/__init__.py")]
    assert packages
    assert [str(path) for path in packages if not (path / "py.typed").exists()] == []


def test_no_entry_takes_the_name_of_the_function_replay(owners: dict[str, str]) -> None:
    assert "replay" not in owners


def test_no_module_is_named_after_nothing(root: Path, tracked: list[Path]) -> None:
    wrong = [path for path in tracked if path.stem.strip("_") in SHAPELESS and path.suffix == ".py"]
    assert wrong == []


def test_package_inits_only_reexport(root: Path) -> None:
    wrong: list[str] = []
    for path in sorted(root.glob("libs/*/src/durable_workflow/*/**/__init__.py")):
        for node in ast.parse(path.read_text()).body:
            is_lazy = isinstance(node, ast.FunctionDef) and node.name in {"__getattr__", "__dir__"}
            is_code = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if is_code and not is_lazy:
                wrong.append(f"{path.relative_to(root)}:{node.lineno}")
    assert not wrong, f"code belongs in a module of its own: {wrong}"


def test_one_version_for_all(root: Path, wheels: list[str], tracked: list[Path]) -> None:
    home = root / "libs/dw-core/src/durable_workflow/_version.py"
    for wheel in wheels:
        settings = project(root, wheel)
        assert "version" not in settings["project"], wheel
        assert "version" in settings["project"]["dynamic"], wheel
        path = root / "libs" / wheel / settings["tool"]["hatch"]["version"]["path"]
        assert path.resolve() == home, wheel
    assigned = re.compile(r"^__version__(: str)? = [\"']", re.MULTILINE)
    holders = [
        path for path in tracked if path.suffix == ".py" and assigned.search(path.read_text())
    ]
    assert holders == [home]


def test_every_library_wheel_requires_dw_core_and_no_other_of_ours(
    root: Path, wheels: list[str]
) -> None:
    core = f"dw-core{current(root).bounds}"
    for wheel in wheels:
        if wheel in {"durable-workflow", "dw-cli"}:
            continue
        lines = project(root, wheel)["project"].get("dependencies", [])
        ours = [line for line in lines if re.match(r"(dw-|durable-workflow)", line)]
        assert ours == ([] if wheel == "dw-core" else [core]), wheel


def test_the_meta_package_brings_every_wheel_but_prometheus(root: Path, wheels: list[str]) -> None:
    lines = project(root, "durable-workflow")["project"]["dependencies"]
    without = {"durable-workflow", "dw-cli", "dw-metrics-prometheus"}
    # What makes those fast comes with them here.
    speed = {"dw-core", "dw-client", "dw-worker"}
    bounds = current(root).bounds
    assert set(lines) == {
        f"{wheel}{'[speed]' if wheel in speed else ''}{bounds}" for wheel in set(wheels) - without
    }


def test_the_extras_of_the_meta_package(root: Path, wheels: list[str]) -> None:
    extras = project(root, "durable-workflow")["project"]["optional-dependencies"]
    bounds = current(root).bounds
    storage = {wheel for wheel in wheels if wheel.startswith("dw-storage-")}
    providers = {wheel.removeprefix("dw-storage-") for wheel in storage}
    expected = {name: [f"dw-storage-{name}[{name}]{bounds}"] for name in providers}
    expected["prometheus"] = [f"dw-metrics-prometheus{bounds}"]
    everything = sorted(line for lines in expected.values() for line in lines)
    assert {name: lines for name, lines in extras.items() if name != "all"} == expected
    assert sorted(extras["all"]) == everything


def test_every_wheel_carries_the_licence_and_the_same_links(root: Path, wheels: list[str]) -> None:
    core = project(root, "dw-core")["project"]
    assert {"Homepage", "Documentation", "Changelog", "Issues"} == core["urls"].keys()
    for wheel in wheels:
        licence = root / "libs" / wheel / "LICENSE"
        assert licence.exists(), f"copy LICENSE to libs/{wheel}/"
        assert licence.read_bytes() == (root / "LICENSE").read_bytes(), wheel
        settings = project(root, wheel)["project"]
        for key in ("urls", "license", "license-files", "readme", "authors"):
            assert settings.get(key) == core[key], f"libs/{wheel}: copy `{key}` from dw-core"


def test_the_type_checkers_know_every_wheel(root: Path, wheels: list[str]) -> None:
    tool = tomllib.loads((root / "pyproject.toml").read_text())["tool"]
    with_modules = {f"libs/{wheel}/src" for wheel in wheels if wheel != "durable-workflow"}
    mypy = {path.removeprefix("$MYPY_CONFIG_FILE_DIR/") for path in tool["mypy"]["mypy_path"]}
    assert {path for path in mypy if path.startswith("libs/")} == with_modules
    pyright = set(tool["pyright"]["extraPaths"])
    assert {path for path in pyright if path.startswith("libs/")} == with_modules


def test_every_wheel_supports_the_same_pythons(root: Path, wheels: list[str]) -> None:
    kinds = {
        (settings["requires-python"], *sorted(settings["classifiers"]))
        for settings in (project(root, wheel)["project"] for wheel in wheels)
    }
    assert len(kinds) == 1
