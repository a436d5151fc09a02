"""Fragments become the section of a release."""

from pathlib import Path

import pytest
from releasing.__main__ import main, prepare
from releasing.changelog import assemble, read_fragments, section_of
from releasing.versions import ReleaseRefused, Version, current

DATE = "2026-12-01"
FIRST = Version(1, 0, 0)

EXPECTED = """\
# Changelog

All wheels share one version.

## 1.0.0 (2026-12-01)

### Added

- Workers have a stream.
  It is optional.

### Fixed

- A timer of 0 s fires.
"""


def test_fragments_move_into_a_section_with_a_list_for_each_kind(tree: Path) -> None:
    assemble(tree, FIRST, DATE)
    assert (tree / "CHANGELOG.md").read_text() == EXPECTED
    assert [path.name for path in (tree / "changelog.d").iterdir()] == ["README.md"]


def test_a_release_stands_above_those_before_it(tree: Path) -> None:
    assemble(tree, FIRST, DATE)
    (tree / "changelog.d/later.security.md").write_text("Tokens are compared in constant time.\n")
    assemble(tree, Version(1, 1, 0), "2027-01-01")
    introduction, newer, older = (tree / "CHANGELOG.md").read_text().split("\n## ")
    assert introduction.strip() == EXPECTED.partition("##")[0].strip()
    assert newer.startswith("1.1.0 (2027-01-01)\n\n### Security\n\n- Tokens")
    assert f"## {older}" == EXPECTED[EXPECTED.index("## 1.0.0") :]


@pytest.mark.parametrize("name", ["notes.md", "x.improved.md", "x.added.txt", "two words.added.md"])
def test_a_file_that_is_no_fragment_is_refused_by_name(tree: Path, name: str) -> None:
    (tree / "changelog.d" / name).write_text("Something.\n")
    with pytest.raises(ReleaseRefused, match=name):
        assemble(tree, FIRST, DATE)
    assert (tree / "CHANGELOG.md").read_text() in EXPECTED


def test_an_empty_fragment_is_refused_by_name(tree: Path) -> None:
    (tree / "changelog.d/nothing.added.md").write_text("\n")
    with pytest.raises(ReleaseRefused, match=r"nothing\.added\.md is empty"):
        assemble(tree, FIRST, DATE)


@pytest.mark.parametrize("version", ["1.0.0", "1.0.0rc1", "0.9.0"])
def test_a_version_that_is_not_after_the_released_one_is_refused(tree: Path, version: str) -> None:
    assemble(tree, FIRST, DATE)
    (tree / "changelog.d/later.fixed.md").write_text("More.\n")
    with pytest.raises(ReleaseRefused, match=r"is not after the released 1\.0\.0"):
        assemble(tree, Version.parse(version), DATE)
    assert (tree / "changelog.d/later.fixed.md").exists()


def test_a_release_without_changes_is_refused(tree: Path) -> None:
    assemble(tree, FIRST, DATE)
    with pytest.raises(ReleaseRefused, match="no fragment"):
        assemble(tree, Version(1, 0, 1), DATE)


def test_preparing_writes_version_and_changelog_or_nothing(tree: Path) -> None:
    prepare(tree, Version(1, 1, 0), DATE)
    assert current(tree) == Version(1, 1, 0)
    assert "## 1.1.0 (2026-12-01)" in (tree / "CHANGELOG.md").read_text()
    before = (tree / "CHANGELOG.md").read_text()
    with pytest.raises(ReleaseRefused, match=r"1\.0\.9 is older than 1\.1\.0"):
        prepare(tree, Version(1, 0, 9), DATE)
    with pytest.raises(ReleaseRefused, match="no fragment"):
        prepare(tree, Version(1, 2, 0), DATE)
    assert current(tree) == Version(1, 1, 0)
    assert (tree / "CHANGELOG.md").read_text() == before


def test_the_notes_of_a_release_are_its_section(
    tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assemble(tree, FIRST, DATE)
    assert main(["notes", "1.0.0"], tree) == 0
    assert capsys.readouterr().out == EXPECTED.partition("(2026-12-01)\n\n")[2]
    assert main(["notes", "1.0.1"], tree) == 1
    assert "no section of 1.0.1" in capsys.readouterr().err
    with pytest.raises(ReleaseRefused):
        section_of(EXPECTED, Version(1, 0, 1))


def test_the_fragments_of_this_tree_can_be_assembled(root: Path) -> None:
    for fragment in read_fragments(root):
        assert fragment.item.startswith("- ")
