"""Small trees of the shape that a release works on."""

from pathlib import Path

import pytest

CHANGELOG = "# Changelog\n\nAll wheels share one version.\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project of three wheels at 1.0.0 with two fragments."""
    write(tmp_path, "CHANGELOG.md", CHANGELOG)
    write(tmp_path, "changelog.d/README.md", "# Fragments\n")
    write(tmp_path, "changelog.d/streams.added.md", "Workers have a stream.\nIt is optional.\n")
    write(tmp_path, "changelog.d/7.fixed.md", "A timer of 0 s fires.\n")
    version = "libs/dw-core/src/durable_workflow/_version.py"
    write(tmp_path, version, '"""The version."""\n\n__version__ = "1.0.0"\n')
    write(tmp_path, "libs/dw-core/pyproject.toml", 'dependencies = ["avro>=1.12,<2"]\n')
    write(tmp_path, "libs/dw-client/pyproject.toml", 'dependencies = ["dw-core>=1.0,<2"]\n')
    write(
        tmp_path,
        "libs/durable-workflow/pyproject.toml",
        'dependencies = ["dw-core[speed,more]>=1.0,<2", "dw-client>=1.0,<2", "dw-corex>=1.0,<2"]\n',
    )
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture(scope="session")
def root() -> Path:
    return Path(__file__).resolve().parents[2]
