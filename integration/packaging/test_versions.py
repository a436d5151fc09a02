"""One version for all wheels, and what they require of each other because of it."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from releasing.versions import ReleaseRefused, Version, current, set_version


@pytest.mark.parametrize("text", ["1.0.0", "1.2.3", "10.0.12", "1.0.0a1", "1.0.0b2", "2.1.0rc13"])
def test_a_version_is_written_as_it_was_read(text: str) -> None:
    assert str(Version.parse(text)) == text


@pytest.mark.parametrize("text", ["", "1", "1.0", "v1.0.0", "1.0.0.dev1", "1.0.0-rc1", "1.0.0 "])
def test_what_is_not_a_version_is_refused_by_name(text: str) -> None:
    with pytest.raises(ReleaseRefused, match=re.escape(repr(text))):
        Version.parse(text)


def test_versions_are_ordered_as_they_are_released() -> None:
    released = ["1.0.0a1", "1.0.0b1", "1.0.0rc2", "1.0.0rc10", "1.0.0", "1.0.1", "1.10.0", "2.0.0"]
    versions = [Version.parse(text) for text in released]
    assert all(earlier < later for earlier, later in pairwise(versions))


@pytest.mark.parametrize(
    ("version", "bounds"),
    [
        ("1.0.0", ">=1.0,<2"),
        ("1.0.1", ">=1.0.1,<2"),
        ("1.1.0", ">=1.1,<2"),
        ("2.0.0rc1", ">=2.0.0rc1,<3"),
        ("2.0.0", ">=2.0,<3"),
    ],
)
def test_a_wheel_requires_its_own_version_or_a_newer_one_of_the_major(
    version: str, bounds: str
) -> None:
    assert Version.parse(version).bounds == bounds


def test_setting_the_version_moves_requirements_of_ours_and_no_others(tree: Path) -> None:
    changed = set_version(tree, Version.parse("1.1.0"))
    assert current(tree) == Version(1, 1, 0)
    meta, client, core = (tree / "libs" / name / "pyproject.toml" for name in wheels())
    assert meta.read_text() == (
        'dependencies = ["dw-core[speed,more]>=1.1,<2", "dw-client>=1.1,<2", "dw-corex>=1.0,<2"]\n'
    )
    assert client.read_text() == 'dependencies = ["dw-core>=1.1,<2"]\n'
    assert core.read_text() == 'dependencies = ["avro>=1.12,<2"]\n'
    home = tree / "libs/dw-core/src/durable_workflow/_version.py"
    assert changed == [meta, client, home]
    assert set_version(tree, Version.parse("1.1.0")) == []


def wheels() -> tuple[str, str, str]:
    return "durable-workflow", "dw-client", "dw-core"


def test_the_requirements_of_this_tree_follow_from_its_version(root: Path) -> None:
    bounds = current(root).bounds
    for path in root.glob("libs/*/pyproject.toml"):
        for line in re.findall(r'"((?:dw-|durable-workflow)[^"]*[<>][^"]*)"', path.read_text()):
            assert line.endswith(bounds), f"{path}: {line}; scripts/bump_version writes them"
