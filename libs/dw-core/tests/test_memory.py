"""The memory of a process of ours: freed buffers stay for the next ones, within a bound."""

import os
import platform
import subprocess
import sys

import pytest

from durable_workflow._memory import keep_freed_memory

# Faults of the kernel that buffers of a megabyte cost, once some were there and are free again.
PROGRAM = """
import resource, sys
from durable_workflow._memory import keep_freed_memory

def pass_through():
    buffers = [bytearray(b"x") * 1_500_000 for _ in range(4)]
    del buffers

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()

print(keep_freed_memory())
for _ in range(3):
    pass_through()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    pass_through()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
small = resident()
many = [b"x" * 1_500_000 for _ in range(60)]
del many
print(resident() - small)
"""

of_glibc = pytest.mark.skipif(
    sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="it is glibc's"
)


def run(**set_by_hand: str) -> list[str]:
    environment = {name: value for name, value in os.environ.items() if "MALLOC" not in name}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=environment | set_by_hand,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


@of_glibc
def test_freed_buffers_are_used_again_without_the_system() -> None:
    done, faults, kept = run()
    assert done == "True"
    # Four buffers of 366 pages each, twenty times, would be 29,000.
    assert int(faults) < 3_000
    # 90 MB were there at once; what stays is bounded.
    assert int(kept) < 24 * 1024 * 1024


@of_glibc
def test_an_environment_that_sets_it_itself_wins() -> None:
    done, *_ = run(MALLOC_TRIM_THRESHOLD_="131072")
    assert done == "False"


def test_elsewhere_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()
