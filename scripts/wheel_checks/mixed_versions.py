"""Wheels of two releases together: an older wheel on a newer dw-core works, the reverse is refused.

The newer release is built here from this tree: its version is the next minor, its dw-core has a
name that this one lacks, and its dw-client needs it.
"""

import re
import shutil
import sys
from pathlib import Path

from releasing.versions import Version, set_version

from wheel_checks.contents import CORE, META, CheckFailed
from wheel_checks.environments import Environment, run
from wheel_checks.matrix import CONSUMERS, ROOT, Matrix, run_quickstart

CLIENT = "dw-client"
NEW_NAME = "SINCE_THE_NEXT_RELEASE"


class MixedVersions:
    """The wheels of this tree, and those of a release after it."""

    def __init__(self, matrix: Matrix) -> None:
        self.matrix = matrix
        self.older = Version.parse(matrix.wheels[CORE].version)
        self.newer = Version(self.older.major, self.older.minor + 1, 0)
        self.dist = matrix.work / "newer-dist"

    def build_newer(self) -> None:
        """Build the wheels of the release after this one."""
        tree = self.matrix.work / "newer"
        leave = shutil.ignore_patterns("tests", "__pycache__")
        shutil.copytree(ROOT / "libs", tree / "libs", ignore=leave)
        set_version(tree, self.newer)
        package = Path("src/durable_workflow")
        with (tree / "libs" / CORE / package / "_meet" / "__init__.py").open("a") as file:
            file.write(f"\n{NEW_NAME} = True\n")
        with (tree / "libs" / CLIENT / package / "client/__init__.py").open("a") as file:
            file.write(f"\nfrom durable_workflow._meet import {NEW_NAME} as {NEW_NAME}\n")
        for folder in sorted((tree / "libs").glob("*/pyproject.toml")):
            build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel"]
            run([*build, "-d", self.dist], cwd=folder.parent)

    def check_older_on_newer_core(self) -> None:
        """Install everything of this release beside the newer dw-core, and use it."""
        environment = self._environment("newer-core")
        names = [name for name in self.matrix.wheels if name != CORE]
        environment.install(
            f"{CORE}=={self.newer}",
            f"{META}[all]=={self.older}",
            *(f"{name}=={self.older}" for name in names),
        )
        run_quickstart(environment)
        environment.run_file(CONSUMERS / "dw_client.py")

    def check_newer_on_older_core(self) -> None:
        """Ask for each newer wheel beside this dw-core: the installer says what does not fit."""
        environment = self._environment("older-core")
        lowest = re.escape(self.newer.bounds.partition(",")[0])
        expected = re.compile(rf"depends on {CORE}(\[speed\])?{lowest}\b")
        for name in self.matrix.wheels:
            if name != CORE:
                newer = f"{name}=={self.newer}"
                said = environment.install_refused(f"{CORE}=={self.older}", newer)
                if not expected.search(said) or name not in said:
                    raise CheckFailed(f"{name} {self.newer} on {CORE} {self.older}: {said}")

    def check_forced(self) -> None:
        """Install a newer dw-client on this dw-core against its word: the import says so."""
        environment = self._environment("forced")
        environment.install(f"{CORE}=={self.older}", f"{CLIENT}=={self.older}")
        environment.install_alone(f"{CLIENT}=={self.newer}")
        said = environment.evaluate_refused("from durable_workflow import Client")
        expected = (
            f"ImportError: {CLIENT} {self.newer} needs a newer {CORE} than {self.older}: "
            f"pip install --upgrade {CORE}"
        )
        if expected not in said:
            raise CheckFailed(f"a newer {CLIENT} on an older {CORE} says: {said}")
        environment.install(f"{CORE}=={self.newer}")
        environment.evaluate("from durable_workflow import Client")

    def _environment(self, name: str) -> Environment:
        matrix = self.matrix
        return Environment(matrix.work / name, matrix.dist, self.dist, matrix.wheelhouse)
