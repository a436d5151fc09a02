"""What an installed set of wheels must show; run by the interpreter of an environment.

Its modules import, `import *` works, and a name whose wheel is missing says which wheel to install.
Arguments: the modules that must be there and the names of all our wheels, each separated by commas.
Prints the wheels of ours that are installed, and how many names were refused.
"""

import importlib
import importlib.metadata
import sys
from collections.abc import Callable
from functools import partial

import durable_workflow
from durable_workflow import _HOME as HOME  # pyright: ignore[reportPrivateUsage] (made for this)


def refused(here: set[str]) -> int:
    """Ask for each public name, and count those that name the wheel to install."""
    count = 0
    for name, (_, _, wheel) in HOME.items():
        if wheel in here:
            getattr(durable_workflow, name)
        elif name == "PrometheusMetrics":  # importable everywhere; refuses when it is constructed
            said = what_is_said(RuntimeError, durable_workflow.PrometheusMetrics)
            assert "pip install" in said, said
        else:
            assert name not in dir(durable_workflow), name
            assert name not in durable_workflow.__all__, name
            said = what_is_said(ImportError, partial(getattr, durable_workflow, name))
            assert f"pip install {wheel}" in said, (name, said)
            count += 1
    return count


def what_is_said(kind: type[Exception], call: Callable[[], object]) -> str:
    """Return the text of the error that a call must raise."""
    try:
        call()
    except kind as error:
        return str(error)
    raise AssertionError(f"{call} raised no {kind.__name__}")


def main() -> None:
    entries, ours = (set(filter(None, argument.split(","))) for argument in sys.argv[1:3])
    here = {str(found.metadata["Name"]).lower() for found in importlib.metadata.distributions()}
    for entry in sorted(entries):
        importlib.import_module(f"durable_workflow.{entry}")
    exec("from durable_workflow import *")
    print(*sorted(here & ours), refused(here))


if __name__ == "__main__":
    main()
