"""Upgrading from the time when one wheel, `durable-workflow`, owned the whole import package.

pip writes the new files first and removes the old ones last, the `__init__.py` that dw-core has
just written among them. docs/installing.md tells users what to do; here it is tried.
"""

import base64
import hashlib
import zipfile
from pathlib import Path

from wheel_checks.contents import META, CheckFailed
from wheel_checks.environments import Environment
from wheel_checks.matrix import Matrix

VERSION = "0.9.0"
FILES = {
    "durable_workflow/__init__.py": f'__version__ = "{VERSION}"\n',
    "durable_workflow/client.py": "class Client: ...\n",
    "durable_workflow/worker/__init__.py": "class Worker: ...\n",
    "durable_workflow/py.typed": "",
}
STRAY = {"client.py"}  # what only the old wheel had
ASK = "from durable_workflow import Client, Worker; print(Client.__module__, Worker.__module__)"
SYMPTOM = "cannot import name 'Client' from 'durable_workflow' (unknown location)"


def build_single_wheel(folder: Path) -> Path:
    """Write a wheel as that of old: `durable-workflow`, with the package in it."""
    info = f"durable_workflow-{VERSION}.dist-info"
    files = FILES | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {META}\nVersion: {VERSION}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{name},sha256={_digest(text)},{len(text.encode())}\n" for name, text in files.items()
    )
    folder.mkdir()
    path = folder / f"durable_workflow-{VERSION}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return path


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


class Upgrades:
    """An environment with the wheel of old, upgraded in the ways that users try."""

    def __init__(self, matrix: Matrix) -> None:
        self.matrix = matrix
        self.new = f"{META}=={matrix.wheels[META].version}"
        self.old = build_single_wheel(matrix.work / "single-wheel")

    def check_uninstalling_first(self) -> None:
        """The documented way: uninstall, then install."""
        environment = self._with_the_old_wheel("uninstalled-first")
        environment.pip("uninstall", "--quiet", "--yes", META)
        environment.pip_install(self.new)
        self._is_whole(environment)

    def check_in_place_and_its_cure(self) -> None:
        """What pip does to an upgrade in place, and the documented cure for it."""
        environment = self._with_the_old_wheel("in-place")
        environment.pip_install("--upgrade", self.new)
        said = environment.evaluate_refused(ASK)
        if SYMPTOM not in said:
            raise CheckFailed(f"an upgrade in place breaks in another way than documented: {said}")
        environment.pip_install("--force-reinstall", self.new)
        self._is_whole(environment)

    def check_in_place_with_uv(self) -> None:
        """uv removes the old files first: its upgrade in place is whole."""
        environment = self._with_the_old_wheel("in-place-uv")
        environment.install(self.new)
        self._is_whole(environment)

    def _with_the_old_wheel(self, name: str) -> Environment:
        environment = self.matrix.environment(name)
        environment.pip_install(self.old)
        environment.evaluate("from durable_workflow.client import Client")
        return environment

    def _is_whole(self, environment: Environment) -> None:
        said = environment.evaluate(ASK)
        if "durable_workflow.client" not in said or "durable_workflow.worker" not in said:
            raise CheckFailed(f"after the upgrade the names are from {said}")
        package = environment.site_packages / "durable_workflow"
        left = [name for name in STRAY if (package / name).exists()]
        if left:
            raise CheckFailed(f"after the upgrade files of the old wheel are left: {left}")
