"""Empty environments, and a wheelhouse to fill them from without a network."""

import hashlib
import re
import subprocess
import sys
import venv
from collections.abc import Iterable, Sequence
from pathlib import Path

from wheel_checks.contents import CheckFailed

UV = Path(sys.executable).with_name("uv")


def run(command: Sequence[str | Path], *, cwd: Path | None = None) -> str:
    """Run a command and return what it prints; its whole output is the error if it fails."""
    done = _run(command, cwd)
    if done.returncode:
        raise CheckFailed(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


def run_refused(command: Sequence[str | Path], *, cwd: Path | None = None) -> str:
    """Run a command that must fail and return what it says, lines joined."""
    done = _run(command, cwd)
    if not done.returncode:
        raise CheckFailed(f"{' '.join(map(str, command))}\ndid what it must refuse")
    return " ".join(done.stdout.split())


def _run(command: Sequence[str | Path], cwd: Path | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def fill_wheelhouse(folder: Path, requirements: Iterable[str]) -> None:
    """Download `requirements` and what they need, unless `folder` holds just that already."""
    wanted = sorted(set(requirements))
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
    """A virtual environment with nothing in it but what is installed here.

    Nothing comes from an index by a name of ours: what is installed by name is found in `sources`,
    folders of wheels.
    """

    def __init__(self, folder: Path, *sources: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        self._offline: list[str | Path] = ["--no-index"]
        for source in sources:
            self._offline += ["--find-links", source]
        if UV.exists():
            run([UV, "venv", "--quiet", "--python", sys.executable, folder])
        else:
            venv.create(folder, with_pip=False)

    def install(self, *requirements: str) -> None:
        """Install by name, as a user would."""
        self._install([*self._offline, *requirements])

    def install_alone(self, *requirements: str) -> None:
        """Install by name and nothing that is required, whatever it is."""
        self._install([*self._offline, "--no-deps", *requirements])

    def install_refused(self, *requirements: str) -> str:
        """Ask for what does not go together and return what the installer says."""
        return run_refused([*self._installer, *self._offline, *requirements])

    def would_install(self, *requirements: str) -> set[str]:
        """Return the names of what an installation would bring, and install nothing."""
        said = run([*self._installer, *self._offline, "--dry-run", *requirements])
        lines = re.findall(r"^ \+ ([\w.-]+)==", said, re.MULTILINE)  # as uv tells it
        for line in re.findall(r"^Would install (.*)", said, re.MULTILINE):  # as pip does
            lines += [part.rpartition("-")[0] for part in line.split()]
        return set(lines)

    def install_pinned(self, wheels: Iterable[Path], pins: Iterable[str]) -> None:
        """Install wheel files beside the versions that `pins` name, which the index has."""
        self._install([*wheels, *pins])

    def pip(self, *arguments: str | Path) -> None:
        """Do with pip itself what uv does otherwise: the two replace old wheels differently."""
        run([*self._pip, *arguments])

    def pip_install(self, *arguments: str | Path) -> None:
        self.pip("install", "--quiet", "--no-compile", *self._offline, *arguments)

    @property
    def _pip(self) -> list[str | Path]:
        pip: list[str | Path] = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        return [*pip, "--python", self.python]

    @property
    def _installer(self) -> list[str | Path]:
        if UV.exists():
            return [UV, "pip", "install", "--python", self.python]
        return [*self._pip, "install"]

    def _install(self, arguments: Sequence[str | Path]) -> None:
        run([*self._installer, "--quiet", *arguments])

    def evaluate(self, program: str, *arguments: str) -> str:
        """Run a program in this environment, isolated from the caller's paths and folder."""
        return run([*self._isolated, "-c", program, *arguments], cwd=self.folder)

    def run_file(self, program: Path, *arguments: str) -> str:
        """Run a program's file, isolated likewise; a warning is an error."""
        return run([*self._isolated, program, *arguments], cwd=self.folder)

    def evaluate_refused(self, program: str) -> str:
        """Run a program that must fail and return what it says."""
        return run_refused([*self._isolated, "-c", program], cwd=self.folder)

    @property
    def _isolated(self) -> list[str | Path]:
        return [self.python, "-I", "-W", "error"]

    def type_check(self, consumer: Path, cache: Path) -> None:
        """Check a program strictly against what is installed here, with the caller's mypy."""
        mypy: list[str | Path] = [sys.executable, "-m", "mypy", "--strict", "--config-file="]
        environment: list[str | Path] = ["--python-executable", self.python, "--cache-dir", cache]
        run([*mypy, *environment, consumer], cwd=self.folder)

    @property
    def site_packages(self) -> Path:
        """Where wheels are unpacked."""
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found
