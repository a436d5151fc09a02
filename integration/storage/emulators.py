"""The emulators of the cloud stores, each a process on a free port."""

from __future__ import annotations

import fcntl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from socket import create_server
from time import monotonic, sleep

from integration.harness.processes import ROOT, ManagedProcess, ProcessFailed

FOLDER = ROOT / ".emulators"
_BIN = FOLDER / "python" / "bin"
_SECONDS = 60.0


def install() -> None:
    """Install what is missing; the script says what it cannot get.

    Test runs that begin at once would install into one folder: each waits for the one before it.

    Raises:
        AssertionError: It cannot; the text has what the script said.
    """
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [str(ROOT / "scripts" / "emulators")], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, f"scripts/emulators failed:\n{done.stderr}"


@contextmanager
def moto(environment: Mapping[str, str] | None = None) -> Generator[str]:
    """S3; yields its URL."""
    command = [str(_BIN / "moto_server"), "--host", "127.0.0.1", "--port"]
    with _running("moto", command, environment) as url:
        yield url


@contextmanager
def gcs() -> Generator[str]:
    """Google Cloud Storage; yields its URL."""
    command = [str(_BIN / "gcp-storage-emulator"), "start", "--host", "127.0.0.1", "--in-memory"]
    with _running("gcp-storage-emulator", [*command, "--port"]) as url:
        yield url


@contextmanager
def azurite(folder: Path) -> Generator[str]:
    """Azure Blob Storage; yields its URL."""
    script = FOLDER / "node" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    command = [str(_BIN / "node"), str(script), "--location", str(folder), "--silent"]
    command += ["--disableTelemetry", "--skipApiVersionCheck", "--blobHost", "127.0.0.1"]
    with _running("azurite", [*command, "--blobPort"]) as url:
        yield url


@contextmanager
def _running(
    name: str, command: Sequence[str], environment: Mapping[str, str] | None = None
) -> Generator[str]:
    """Run a command with a free port as its last argument, and wait until it answers there."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    process = ManagedProcess([*command, str(port)], environment=environment, name=name)
    try:
        _wait_until_it_answers(process, url)
        yield url
    finally:
        process.dispose()


def _free_port() -> int:
    with create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _wait_until_it_answers(process: ManagedProcess, url: str) -> None:
    deadline = monotonic() + _SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError as error:
            error.close()
            return  # it answers, whatever it is
        except OSError as error:
            if not process.is_running or monotonic() > deadline:
                raise ProcessFailed(f"{process.name} never answered:\n{process.output}") from error
        sleep(0.05)  # between two looks
