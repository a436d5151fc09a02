"""What the repository rules read: the files that git knows, or will know when they are added."""

import subprocess
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def tracked(root: Path) -> list[Path]:
    """Every file of the repository, those that were not added yet included, ignored ones not."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = (root / name for name in listing.stdout.split("\0") if name)
    return sorted(path for path in paths if path.is_file())


@pytest.fixture(scope="session")
def wheels(root: Path) -> list[str]:
    """The names of all wheels."""
    return sorted(path.parent.name for path in root.glob("libs/*/pyproject.toml"))


@pytest.fixture(scope="session")
def owners(root: Path) -> dict[str, str]:
    """Which wheel owns each entry directly under `durable_workflow`."""
    found: dict[str, str] = {}
    for entry in sorted(root.glob("libs/*/src/durable_workflow/*")):
        name = entry.name.removesuffix(".py")
        if name not in {"__pycache__", "__init__", "py.typed"}:
            assert name not in found, f"{name} stands in two wheels"
            found[name] = entry.relative_to(root).parts[1]
    return found
