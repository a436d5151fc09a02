"""Check built wheels and sdists: python -m wheel_checks --dist dist ..."""

import argparse
import re
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from wheel_checks.contents import (
    CORE,
    META,
    CheckFailed,
    Wheel,
    check_contents,
    read_wheel,
    required_name,
)
from wheel_checks.environments import Environment, fill_wheelhouse, run

ROOT = Path(__file__).resolve().parents[2]
CONSUMERS = Path(__file__).parent / "consumers"

# What a wheel alone must show: its modules import, `import *` works, and a name whose wheel is
# missing says which wheel to install.
PROBE = """
import importlib, importlib.metadata, sys
entries, ours = sys.argv[1].split(","), sys.argv[2].split(",")
here = {d.metadata["Name"].lower() for d in importlib.metadata.distributions()}
import durable_workflow
for entry in filter(None, entries):
    importlib.import_module(f"durable_workflow.{entry}")
exec("from durable_workflow import *")
asked = refused = 0
for name, (_, _, wheel) in durable_workflow._HOME.items():
    if wheel in here:
        getattr(durable_workflow, name)
    elif name == "PrometheusMetrics":  # importable everywhere; refuses when it is constructed
        try:
            durable_workflow.PrometheusMetrics()
        except RuntimeError as error:
            assert "pip install" in str(error), str(error)
    else:
        asked += 1
        assert name not in dir(durable_workflow) and name not in durable_workflow.__all__, name
        try:
            getattr(durable_workflow, name)
        except ImportError as error:
            assert f"pip install {wheel}" in str(error), (name, str(error))
            refused += 1
assert asked == refused, (asked, refused)
print(*sorted(here.intersection(ours)), refused)
"""


@contextmanager
def stage(title: str) -> Generator[None, None, None]:
    started = time.monotonic()
    yield
    print(f"ok  {title} ({time.monotonic() - started:.1f} s)", flush=True)


def check_alone(wheel: Wheel, wheels: list[Wheel], work: Path, wheelhouse: Path) -> None:
    """Install one library wheel with dw-core and nothing else of ours, and use it."""
    core = next(other for other in wheels if other.name == CORE)
    present = sorted({CORE, wheel.name})
    environment = Environment(work / wheel.name, wheelhouse)
    environment.install({core.path, wheel.path})
    ours = ",".join(other.name for other in wheels)
    *found, refused = environment.evaluate(PROBE, ",".join(wheel.entries), ours).split()
    if found != present:
        raise CheckFailed(f"{wheel.name} alone brought {found} of ours, not {present}")
    if refused == "0":
        raise CheckFailed(f"{wheel.name}: no name of a missing wheel was there to be asked for")
    consumer = CONSUMERS / f"{wheel.name.replace('-', '_')}.py"
    if not consumer.exists():
        raise CheckFailed(f"{consumer} must hold a small typed program that uses {wheel.name}")
    environment.type_check(consumer, work / "mypy-cache")


def check_together(wheels: list[Wheel], work: Path, wheelhouse: Path) -> None:
    """Install what the meta package brings, and run the first program of the guide on it."""
    (meta,) = (wheel for wheel in wheels if wheel.name == META)
    names = {META, *map(required_name, meta.requires)}
    environment = Environment(work / META, wheelhouse)
    environment.install(wheel.path for wheel in wheels if wheel.name in names)
    run_quickstart(environment)


def check_lowest_versions(wheels: list[Wheel], work: Path, wheelhouse: Path) -> None:
    """Run the first program on the oldest version of each dependency that the wheels accept."""
    ours = {wheel.name for wheel in wheels}
    lines = (line for wheel in wheels for line in wheel.requires if "extra ==" not in line)
    pins = {
        re.sub(r"(,?<[\d.]+,?|>=)", lambda part: "==" if part[0] == ">=" else "", line)
        for line in lines
        if required_name(line) not in ours
    }
    environment = Environment(work / "lowest", wheelhouse)
    environment.install_pinned((wheel.path for wheel in wheels), sorted(pins))
    run_quickstart(environment)


def run_quickstart(environment: Environment) -> None:
    """Run the guide's first program on what is installed, not on the checkout."""
    program = ROOT / "examples" / "quickstart.py"
    printed = run([environment.python, "-I", program], cwd=environment.folder)
    if printed.strip() != '{"greeting": "Hello, world!", "length": 5}':
        raise CheckFailed(f"the quickstart printed {printed!r}")


def check_sdist(wheel: Wheel, dist: Path, work: Path) -> None:
    """Build a wheel from the sdist, away from the checkout, and compare it with the first one."""
    (sdist,) = dist.glob(f"{wheel.name.replace('-', '_')}-{wheel.version}.tar.gz")
    out = work / "from-sdist"
    out.mkdir(exist_ok=True)
    unpacked = work / "sdist"
    unpacked.mkdir(exist_ok=True)
    run(["tar", "-xzf", sdist, "-C", unpacked])
    source = unpacked / sdist.name.removesuffix(".tar.gz")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", out], cwd=source)
    again = read_wheel(out / wheel.path.name)
    if (again.files, again.requires) != (wheel.files, wheel.requires):
        raise CheckFailed(f"{sdist.name} builds another wheel: {again.files ^ wheel.files}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/check_wheels")
    parser.add_argument("--dist", type=Path, required=True, help="the built wheels and sdists")
    parser.add_argument("--work", type=Path, required=True, help="an empty folder to work in")
    parser.add_argument("--wheelhouse", type=Path, required=True, help="other people's wheels")
    options = parser.parse_args()
    dist, work = options.dist.resolve(), options.work.resolve()
    wheelhouse = options.wheelhouse.resolve()
    wheels = [read_wheel(path) for path in sorted(dist.glob("*.whl"))]
    ours = {wheel.name for wheel in wheels}
    try:
        with stage(f"contents of {len(wheels)} wheels"):
            check_contents(wheels)
        with stage("the wheelhouse"):
            everything = (line for wheel in wheels for line in wheel.requires)
            others = {line for line in everything if required_name(line) not in ours}
            fill_wheelhouse(wheelhouse, (line for line in others if "extra ==" not in line))
        for wheel in wheels:
            with stage(f"{wheel.name} from its sdist"):
                check_sdist(wheel, dist, work)
        for wheel in wheels:
            if wheel.is_library:
                with stage(f"{wheel.name} alone: installs, imports, refuses, type-checks"):
                    check_alone(wheel, wheels, work, wheelhouse)
        with stage("all together: the quickstart"):
            check_together(wheels, work, wheelhouse)
        with stage("all together, on the lowest versions allowed: the quickstart"):
            check_lowest_versions(wheels, work, wheelhouse)
    except CheckFailed as error:
        print(f"FAILED  {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
