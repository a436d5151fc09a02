"""What an installation costs: megabytes, packages, the time to import it.

python -m wheel_checks.sizes --dist dist ...
"""

import argparse
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

from wheel_checks.contents import META, CheckFailed
from wheel_checks.environments import Environment, run
from wheel_checks.matrix import Matrix

REPETITIONS = 7


@dataclass(frozen=True)
class Installation:
    """What is installed, and what a program imports then."""

    title: str
    requirements: tuple[str, ...]
    program: str


INSTALLATIONS = (
    Installation("core only", ("dw-core",), "from durable_workflow import workflow"),
    Installation("client only", ("dw-client",), "from durable_workflow import Client"),
    Installation(
        "worker", ("dw-worker", "dw-client"), "from durable_workflow import Client, Worker"
    ),
    Installation("server", ("dw-server",), "from durable_workflow.server import embedded_server"),
    Installation("full", (META,), "from durable_workflow import *"),
    Installation("full, all extras", (f"{META}[all]",), "from durable_workflow import *"),
)


def size_mb(folder: Path) -> float:
    """Size of the files that were installed, without what Python compiles from them."""
    files = (path for path in folder.rglob("*") if "__pycache__" not in path.parts)
    return sum(path.stat().st_size for path in files if path.is_file()) / 1e6


def import_ms(environment: Environment, program: str) -> float:
    """Processor time of importing, beyond that of starting Python: the best of several, in ms."""
    environment.evaluate(program)  # compiles
    times = {
        text: min(_timed(environment, text) for _ in range(REPETITIONS)) for text in ("", program)
    }
    return 1000 * (times[program] - times[""])


def _timed(environment: Environment, program: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run([environment.python, "-I", "-c", program])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(matrix: Matrix) -> None:
    """Print a row for each installation."""
    print(f"{'installed':<18}{'MB':>8}{'packages':>10}{'import, ms':>12}")
    for number, installation in enumerate(INSTALLATIONS):
        environment = matrix.environment(f"sizes-{number}")
        environment.install(*installation.requirements)
        packages = len(list(environment.site_packages.glob("*.dist-info")))
        size = size_mb(environment.site_packages)
        milliseconds = import_ms(environment, installation.program)
        print(
            f"{installation.title:<18}{size:>8.1f}{packages:>10}{milliseconds:>12.0f}", flush=True
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/sizes")
    parser.add_argument("--dist", type=Path, required=True, help="the built wheels")
    parser.add_argument("--work", type=Path, required=True, help="an empty folder to work in")
    parser.add_argument("--wheelhouse", type=Path, required=True, help="other people's wheels")
    options = parser.parse_args()
    matrix = Matrix(options.dist.resolve(), options.work.resolve(), options.wheelhouse.resolve())
    try:
        matrix.fill_wheelhouse()
        measure(matrix)
    except CheckFailed as error:
        print(f"FAILED  {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
