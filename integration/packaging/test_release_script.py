"""`scripts/release` in a clone: what it commits and tags, and what it refuses."""

import os
import subprocess
from pathlib import Path

import pytest

FIXED_NAME = {
    "GIT_AUTHOR_NAME": "A Maintainer",
    "GIT_AUTHOR_EMAIL": "maintainer@example.org",
    "GIT_COMMITTER_NAME": "A Maintainer",
    "GIT_COMMITTER_EMAIL": "maintainer@example.org",
}


class Clone:
    """A clone whose wheels are taken as checked: the check is a stage of CI by itself."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder = folder
        listing = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for name in filter(None, listing.split("\0")):
            if name.split("/")[0] in {"changelog.d", "scripts", "libs", "CHANGELOG.md"}:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes((root / name).read_bytes())
                (folder / name).chmod((root / name).stat().st_mode)
        (folder / "scripts/check_wheels").write_text("#!/bin/sh\nexit ${CHECK_OF_WHEELS:-0}\n")
        (folder / ".gitignore").write_text("__pycache__/\n")
        self.git("init", "--quiet", "--initial-branch=main")
        self.commit("Everything")

    def git(self, *arguments: str) -> str:
        return self.run("git", *arguments).stdout

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def run(
        self, *command: str, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=os.environ | FIXED_NAME | environment,
            check=check,
            capture_output=True,
            text=True,
        )


@pytest.fixture
def clone(tmp_path: Path, root: Path) -> Clone:
    return Clone(tmp_path, root)


def test_a_release_is_one_commit_with_a_tag_and_leaves_nothing_open(clone: Clone) -> None:
    (clone.folder / "changelog.d/here.added.md").write_text("A release script.\n")
    clone.commit("A change")
    done = clone.run("scripts/release", "1.7.0")
    assert "git push --atomic origin main v1.7.0" in done.stderr
    assert clone.git("status", "--porcelain") == ""
    assert clone.git("log", "-1", "--format=%s").strip() == "Release 1.7.0"
    assert clone.git("describe", "--exact-match").strip() == "v1.7.0"
    shown = clone.git("show", "--stat=200", "--format=", "HEAD")
    assert "CHANGELOG.md" in shown
    assert "_version.py" in shown
    assert "libs/durable-workflow/pyproject.toml" in shown
    assert os.listdir(clone.folder / "changelog.d") == ["README.md"]
    assert "- A release script.\n" in (clone.folder / "CHANGELOG.md").read_text()


def test_wheels_that_fail_their_check_are_not_released(clone: Clone) -> None:
    done = clone.run("scripts/release", "1.7.0", check=False, CHECK_OF_WHEELS="1")
    assert done.returncode == 1
    assert "git restore ." in done.stderr
    assert clone.git("tag") == ""
    clone.git("restore", ".")
    assert clone.git("status", "--porcelain") == ""


def test_a_release_is_refused_before_anything_is_written(clone: Clone) -> None:
    def refused(version: str) -> str:
        before = clone.git("status", "--porcelain")
        done = clone.run("scripts/release", version, check=False)
        assert done.returncode == 1
        assert clone.git("status", "--porcelain") == before
        return done.stderr

    assert "'1.7' is not a version" in refused("1.7")
    clone.git("tag", "v1.7.0")
    assert "the tag v1.7.0 exists" in refused("1.7.0")
    clone.git("switch", "--quiet", "--create", "work")
    assert "releases are made on main" in refused("1.8.0")
    (clone.folder / "open.txt").write_text("")
    assert "working tree has changes" in refused("1.8.0")


def test_the_version_is_bumped_in_one_place(clone: Clone) -> None:
    done = clone.run("scripts/bump_version", "1.9.2")
    assert "_version.py" in done.stdout
    assert "libs/dw-client/pyproject.toml" in done.stdout
    assert "CHANGELOG" not in done.stdout
    text = (clone.folder / "libs/dw-client/pyproject.toml").read_text()
    assert '"dw-core>=1.9.2,<2"' in text
