"""A test that hangs fails, says where every thread was, and lets the others run."""

import subprocess
import sys
from pathlib import Path

import pytest

HANGS = """
import asyncio
import signal
import threading


def wait_in_thread(lock):
    lock.acquire()


def wait_for(lock):
    lock.acquire()


def test_hangs():
    lock = threading.Lock()
    lock.acquire()
    threading.Thread(target=wait_in_thread, args=[lock], daemon=True).start()
    wait_for(lock)


async def test_hangs_in_a_loop():
    await asyncio.Event().wait()


def test_is_well():
    pass
"""
DEAF = HANGS.replace(
    "    wait_for(lock)",
    "    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\n    wait_for(lock)",
)


def run(root: Path, folder: Path, text: str, *options: str) -> str:
    """What pytest says, with our settings, of a file of tests."""
    (folder / "test_some.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-c", str(root / "pyproject.toml")]
    ended = subprocess.run(
        [*command, "--rootdir", str(folder), *options, str(folder / "test_some.py")],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1, ended.stdout
    return ended.stdout


def test_a_test_that_hangs_leaves_its_stacks(root: Path, tmp_path: Path) -> None:
    said = run(root, tmp_path, HANGS, "-o", "timeout=1")
    assert "2 failed, 1 passed" in said
    assert "Failed: Timeout (>1.0s)" in said
    assert "in wait_in_thread" in said, "of the other thread"
    assert "wait_for(lock)" in said, "of the one that runs the test"


def test_a_test_that_nothing_interrupts_leaves_its_stacks_and_ends_the_session(
    root: Path, tmp_path: Path
) -> None:
    said = run(root, tmp_path, DEAF, "-o", "timeout=1", "-o", "faulthandler_timeout=2")
    assert "in wait_in_thread" in said
    assert "in wait_for" in said
    assert "passed" not in said


def test_every_test_has_a_limit(pytestconfig: pytest.Config) -> None:
    assert float(pytestconfig.getini("timeout")) >= 300
    assert float(pytestconfig.getini("faulthandler_timeout")) > float(
        pytestconfig.getini("timeout")
    )
