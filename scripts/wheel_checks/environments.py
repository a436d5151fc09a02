"""Empty environments, and a wheelhouse to fill them from without a network."""

import hashlib
import subprocess
import sys
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path

from wheel_checks.contents import CheckFailed


def run(command: Sequence[str | Path], *, cwd: Path | None = None) -> str:
    """Run a command and return what it prints; its whole output is the error if it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CheckFailed(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def fill_wheelhouse(folder: Path, requirements: Iterable[str]) -> None:
    """Download `requirements` and what they need, unless `folder` holds just that already."""
    wanted = sorted(requirements)
    stamp = hashlib.sha256("\n".join([sys.version, *wanted]).encode()).hexdigest()
    stamp_file = folder / "filled-with"
    if stamp_file.exists() and stamp_file.read_text() == stamp:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.iterdir():
        stale.unlink()
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run([*pip, "wheel", "--quiet", "--wheel-dir", folder, *wanted])
    stamp_file.write_text(stamp)


class Environment:
    """A virtual environment with nothing in it but what is installed here."""

    def __init__(self, folder: Path, wheelhouse: Path) -> None:
        self.folder = folder
        self.wheelhouse = wheelhouse
        self.python = folder / "bin" / "python"
        self._uv = Path(sys.executable).with_name("uv")
        venv.create(folder, with_pip=not self._uv.exists())

    def install(self, wheels: Iterable[Path]) -> None:
        """Install wheel files; anything else that they need comes from the wheelhouse."""
        self._install(["--no-index", "--find-links", self.wheelhouse, *wheels])

    def install_pinned(self, wheels: Iterable[Path], pins: Iterable[str]) -> None:
        """Install wheel files beside the versions that `pins` name, which the index has."""
        self._install([*wheels, *pins])

    def _install(self, arguments: Sequence[str | Path]) -> None:
        command: list[str | Path] = [self.python, "-m", "pip", "install"]
        if self._uv.exists():
            command = [self._uv, "pip", "install", "--python", self.python]
        run([*command, "--quiet", *arguments])

    def evaluate(self, program: str, *arguments: str) -> str:
        """Run a program in this environment, isolated from the caller's paths and folder."""
        return run([self.python, "-I", "-W", "error", "-c", program, *arguments], cwd=self.folder)

    def type_check(self, consumer: Path, cache: Path) -> None:
        """Check a program strictly against what is installed here, with the caller's mypy."""
        mypy: list[str | Path] = [sys.executable, "-m", "mypy", "--strict", "--config-file="]
        environment: list[str | Path] = ["--python-executable", self.python, "--cache-dir", cache]
        run([*mypy, *environment, consumer], cwd=self.folder)
