"""Which wheels are installed together into empty environments, and what must work there."""

import re
import sys
from itertools import combinations
from pathlib import Path
from threading import Lock

from wheel_checks.contents import (
    CORE,
    META,
    CheckFailed,
    read_wheel,
    required_name,
    without_extra,
)
from wheel_checks.environments import Environment, fill_wheelhouse, run

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
CONSUMERS = HERE / "consumers"
PROBE = HERE / "probe.py"
PLUGINS = ("dw-storage-", "dw-metrics-")
USERS_OF_PLUGINS = {"dw-client", "dw-worker", "dw-server"}


class Matrix:
    """The built wheels, and the folders that the checks of them work in."""

    def __init__(self, dist: Path, work: Path, wheelhouse: Path) -> None:
        self.dist = dist
        self.work = work
        self.wheelhouse = wheelhouse
        self.wheels = {wheel.name: wheel for wheel in map(read_wheel, sorted(dist.glob("*.whl")))}
        self._one_type_check = Lock()  # they share a cache, and each uses a core

    @property
    def libraries(self) -> list[str]:
        """The names of the wheels that need dw-core and no other of ours."""
        return [wheel.name for wheel in self.wheels.values() if wheel.is_library]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Every two library wheels beside dw-core that somebody would install together.

        A plugin, which serves through what dw-core owns, goes with those that use it, and two
        plugins have nothing to do with each other.
        """
        pairs = combinations((name for name in self.libraries if name != CORE), 2)
        return [pair for pair in pairs if self._is_sensible(*pair)]

    def _is_sensible(self, first: str, second: str) -> bool:
        plugins = {name for name in (first, second) if name.startswith(PLUGINS)}
        return not plugins or bool({first, second} & USERS_OF_PLUGINS)

    @property
    def extras(self) -> list[tuple[str, str]]:
        """Every extra of every library wheel."""
        return [(name, extra) for name in self.libraries for extra in self.wheels[name].extras]

    def fill_wheelhouse(self) -> None:
        """Download everything of others that any wheel, or any extra of it, requires."""
        lines = (line for wheel in self.wheels.values() for line in wheel.requires)
        others = {without_extra(line) for line in lines if required_name(line) not in self.wheels}
        fill_wheelhouse(self.wheelhouse, others)

    def environment(self, name: str) -> Environment:
        """Make an empty environment that installs our wheels and other people's, and no others."""
        return Environment(self.work / name, self.dist, self.wheelhouse)

    def check_alone(self, name: str) -> None:
        """Install one library wheel, which brings dw-core and nothing else of ours, and use it."""
        environment = self.environment(name)
        environment.install(name)
        refused = self._probe(environment, {CORE, name})
        if refused == 0:
            raise CheckFailed(f"{name}: no name of a missing wheel was there to be asked for")
        consumer = CONSUMERS / f"{name.replace('-', '_')}.py"
        if not consumer.exists():
            raise CheckFailed(f"{consumer} must hold a small typed program that uses {name}")
        environment.run_file(consumer)
        with self._one_type_check:
            environment.type_check(consumer, self.work / "mypy-cache")

    def check_pair(self, first: str, second: str) -> None:
        """Install two library wheels and use both, and what they do together if they do."""
        environment = self.environment(f"{first}+{second}")
        environment.install(first, second)
        self._probe(environment, {CORE, first, second})
        together = "__".join(name.replace("-", "_") for name in (first, second))
        programs = CONSUMERS / "pairs" / f"{together}.py"
        if programs.exists():
            environment.run_file(programs)

    def check_extra(self, name: str, extra: str) -> None:
        """Install a wheel with one of its extras: everything that it names can be had."""
        environment = self.environment(f"{name}-{extra}")
        environment.install(f"{name}[{extra}]")
        self._probe(environment, self._reached(name) | self._reached(name, extra))

    def check_together(self) -> None:
        """Install the meta package with everything, and run the guide's first program on it."""
        environment = self.environment("everything")
        environment.install(f"{META}[all]", *self.wheels)
        self._probe(environment, set(self.wheels))
        run_quickstart(environment)

    def check_meta(self) -> None:
        """Install the meta package and no more, and run the guide's first program on it."""
        environment = self.environment(META)
        environment.install(META)
        self._probe(environment, self._reached(META))
        run_quickstart(environment)

    def check_extras_of_meta(self) -> None:
        """Ask what each extra of the meta package brings of ours beside what it brings anyway."""
        environment = self.environment(f"{META}-extras")
        for extra in self.wheels[META].extras:
            would = environment.would_install(f"{META}[{extra}]") & set(self.wheels)
            expected = self._reached(META) | self._reached(META, extra)
            if would != expected:
                raise CheckFailed(f"{META}[{extra}] brings {sorted(would ^ expected)} differently")

    def check_lowest_versions(self) -> None:
        """Run the first program on the oldest version of each dependency that the wheels accept."""
        wheels = self.wheels.values()
        lines = (line for wheel in wheels for line in wheel.requires if "extra ==" not in line)
        pins = {
            re.sub(r"(,?<[\d.]+,?|>=)", lambda part: "==" if part[0] == ">=" else "", line)
            for line in lines
            if required_name(line) not in self.wheels
        }
        speed = {
            f"{required_name(line)}[speed] @ {self.wheels[required_name(line)].path.as_uri()}"
            for line in self.wheels[META].requires
            if "[speed]" in line
        }
        environment = self.environment("lowest")
        environment.install_pinned((wheel.path for wheel in wheels), sorted({*pins, *speed}))
        run_quickstart(environment)

    def check_sdist(self, name: str) -> None:
        """Build a wheel from the sdist, away from the checkout: it has the bytes of the first."""
        wheel = self.wheels[name]
        (sdist,) = self.dist.glob(f"{name.replace('-', '_')}-{wheel.version}.tar.gz")
        out, unpacked = self.work / "from-sdist", self.work / "sdist"
        unpacked.mkdir(parents=True, exist_ok=True)
        run(["tar", "-xzf", sdist, "-C", unpacked])
        source = unpacked / sdist.name.removesuffix(".tar.gz")
        run([sys.executable, "-m", "hatchling", "build", "-d", out], cwd=source)
        for built in (wheel.path, sdist):
            if (out / built.name).read_bytes() != built.read_bytes():
                raise CheckFailed(
                    f"{built.name} has other bytes when it is built from {sdist.name}"
                )

    def _probe(self, environment: Environment, expected: set[str]) -> int:
        """Check which wheels of ours are installed and that they show what they must."""
        entries = {entry for name in expected for entry in self.wheels[name].entries}
        ours = ",".join(self.wheels)
        *found, refused = environment.run_file(PROBE, ",".join(entries), ours).split()
        if set(found) != expected:
            raise CheckFailed(f"{environment.folder.name} brought {found}, not {sorted(expected)}")
        return int(refused)

    def _reached(self, name: str, extra: str = "") -> set[str]:
        """The wheels of ours that a wheel brings, with an extra or without any."""
        condition = f"extra == '{extra}'"
        names = {
            required_name(line)
            for line in self.wheels[name].requires
            if (condition in line if extra else "extra ==" not in line)
        }
        return {name, *(names & set(self.wheels)), CORE}


def run_quickstart(environment: Environment) -> None:
    """Run the guide's first program on what is installed, not on the checkout."""
    printed = environment.run_file(ROOT / "examples" / "quickstart.py")
    if printed.strip() != '{"greeting": "Hello, world!", "length": 5}':
        raise CheckFailed(f"the quickstart printed {printed!r}")
