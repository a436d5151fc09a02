"""``dw-server backup``, ``verify`` and ``restore``."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Final

from durable_workflow.server.looking_over import look_over
from durable_workflow.server.settings import Settings, SettingsError
from durable_workflow.server.store import StoreUnusable
from durable_workflow.server.store.sqlite import FileLock, copy_database

_STOPPING: Final = [
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
]
_MEGABYTE: Final = 1_000_000


def backup(settings: Settings, target: Path, megabytes_per_second: float) -> int:
    """Copy the state file, also while it is served; the exit status.

    Raises:
        StoreError: It cannot be copied.
        OSError: The target cannot be written.
    """
    source = _state_file(settings)
    began = time.monotonic()
    rate = int(megabytes_per_second * _MEGABYTE)
    with _tidy_when_stopped():
        size = copy_database(source, target, bytes_per_second=rate, sleep=time.sleep)
    print(f"copied {source} to {target}: {size} bytes in {time.monotonic() - began:.1f} s")
    return 0


def verify(path: Path) -> int:
    """Look over a state file; 1 where something is wrong with it.

    Raises:
        StoreError: It cannot be looked over.
    """
    found = look_over(path)
    for problem in found.problems:
        print(f"dw-server: {path}: {problem}", file=sys.stderr)
    if found.problems:
        return 1
    if found.older:
        print(f"{path} is not damaged; it is of an older schema, so its runs were not looked at")
    else:
        print(f"{path} is whole: {found.runs} runs, {found.events} events")
    return 0


def restore(settings: Settings, copy: Path) -> int:
    """Put a copy where the state file is; the exit status. What was there is kept beside it.

    Raises:
        StoreError: The copy is not whole, or a server has the state file.
        OSError: The state file cannot be written.
    """
    target = _state_file(settings)
    lock = FileLock(target)
    try:
        if verify(copy) != 0:
            return 1
        # Finished before anything of the old one is touched.
        ready = target.with_name(target.name + ".restored")
        with contextlib.suppress(FileNotFoundError):
            ready.unlink()
        with _tidy_when_stopped():
            copy_database(copy, ready, sleep=time.sleep)
        _give_away(target, ready)
        kept = _keep(target)
        os.replace(ready, target)
    finally:
        lock.release()
    print(f"restored {target} from {copy}")
    if kept is not None:
        print(f"what was there is now {kept}")
    return 0


@contextlib.contextmanager
def _tidy_when_stopped() -> Generator[None, None, None]:
    """Have signals end what is done as an error would: nothing is left of a copy that is not whole.

    SIGHUP is the end of a terminal; under `nohup` it stays ignored. Only the main thread may say
    what a signal does, and in another one this is somebody's function.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = {each: signal.getsignal(each) for each in _STOPPING}
    for each, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(each, stop)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _give_away(target: Path, ready: Path) -> None:
    """Have a file that root restores belong to whom the old one belongs to, or the folder.

    The server runs as another user, who could neither open nor lock what is root's.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    owner = (target if target.exists() else target.parent).stat()
    for path in (ready, _beside(target, ".lock")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _keep(target: Path) -> Path | None:
    """Give the files of a database another name; the name, or None where there were none."""
    if not target.exists() and not _beside(target, "-wal").exists():
        return None
    kept = target.with_name(
        f"{target.name}.replaced-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    )
    if kept.exists():
        raise StoreUnusable(f"{kept} exists already")
    endings: Sequence[str] = ("", "-wal", "-shm")
    # All have both names before any loses the old one: what the log holds belongs to the file.
    for ending in endings:
        if _beside(target, ending).exists():
            os.link(_beside(target, ending), _beside(kept, ending))
    # A log beside another file than its own would be taken for that one's.
    for ending in endings[1:]:
        with contextlib.suppress(FileNotFoundError):
            _beside(target, ending).unlink()
    return kept


def _beside(path: Path, ending: str) -> Path:
    return path.with_name(path.name + ending)


def _state_file(settings: Settings) -> Path:
    if settings.db == ":memory:":
        raise SettingsError("DW_DB is :memory:, which has no file")
    return Path(os.path.realpath(settings.db))
