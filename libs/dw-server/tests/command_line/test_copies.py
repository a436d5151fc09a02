"""`dw-server backup`, `verify` and `restore`: of a server at work, and of damaged files."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from durable_workflow.server import embedded_server
from durable_workflow.server.command_line import _copies, main

HEADERS = {
    "X-Durable-Workflow-Control-Plane-Version": "2",
    "X-Durable-Workflow-Protocol-Version": "1.1",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("DW_"):
            monkeypatch.delenv(name)


async def start(http: httpx.AsyncClient, name: str, size: int = 2000) -> None:
    body = {"workflow_id": name, "workflow_type": "t", "task_queue": "q", "input": ["x" * size]}
    answer = await http.post("/api/workflows", json=body, headers=HEADERS)
    assert answer.status_code == 201, answer.text


async def serve(db: Path, ask: Callable[[httpx.AsyncClient], Any]) -> Any:
    async with embedded_server(db=db) as url, httpx.AsyncClient(base_url=url, timeout=30) as http:
        return await ask(http)


async def workflows(http: httpx.AsyncClient) -> int:
    assert (await http.get("/api/ready")).json()["status"] == "ready"
    count = 0
    token = ""
    while True:
        answer = await http.get(
            "/api/workflows",
            params={"page_size": "200", "next_page_token": token},
            headers=HEADERS,
        )
        count += len(answer.json()["workflows"])
        token = answer.json().get("next_page_token") or ""
        if not token:
            return count


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state file with three runs, none of which is served."""
    path = tmp_path / "state.db"

    async def fill(http: httpx.AsyncClient) -> None:
        for number in range(3):
            await start(http, f"w{number}")

    asyncio.run(serve(path, fill))
    return path


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement)
    connection.close()


async def test_a_server_at_work_is_copied_and_the_copy_serves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, written = threading.Event(), threading.Event()

    def sleep(seconds: float) -> None:
        """Between two pieces the copy waits for what is written meanwhile."""
        del seconds
        begun.set()
        written.wait(60)

    monkeypatch.setattr(_copies, "time", SimpleNamespace(sleep=sleep, monotonic=time.monotonic))
    db, copy, restored = (tmp_path / name for name in ("state.db", "copy.db", "restored.db"))
    async with embedded_server(db=db) as url, httpx.AsyncClient(base_url=url, timeout=30) as http:
        for number in range(100):
            await start(http, f"before{number}")
        arguments = ["--db", str(db), "backup", str(copy), "--megabytes-per-second", "0.01"]
        copying = asyncio.create_task(asyncio.to_thread(main, arguments))
        assert await asyncio.to_thread(begun.wait, 60)
        for number in range(6):
            await start(http, f"during{number}")
        assert not copying.done()
        written.set()
        assert await copying == 0
        assert main(["verify", str(db)]) == 0
        assert await workflows(http) == 106

    assert main(["verify", str(copy)]) == 0
    assert main(["--db", str(restored), "restore", str(copy)]) == 0
    for path in (copy, restored):
        assert await serve(path, workflows) == 100
    assert not copy.with_name("copy.db.part").exists()
    assert "bytes in" in capsys.readouterr().out


def test_a_copy_below_a_file_cannot_be_written(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "file" / "copy.db"
    target.parent.touch()
    assert main(["--db", str(state), "backup", str(target)]) == 1
    assert f"cannot write {target}: Not a directory" in capsys.readouterr().err


def test_what_is_there_is_not_overwritten(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = state.with_name("copy.db")
    target.write_text("mine")

    assert main(["--db", str(state), "backup", str(target)]) == 1

    assert f"{target} exists already" in capsys.readouterr().err
    assert target.read_text() == "mine"


@pytest.mark.parametrize(
    "arguments",
    [["backup", "copy.db", "--db", "none.db"], ["verify", "none.db"], ["restore", "none.db"]],
)
def test_a_file_that_is_missing_is_named_and_not_made(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    assert "there is no file" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".lock"] == []


def test_a_database_of_another_program_is_not_copied(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(state.with_name("other.db"), "CREATE TABLE theirs (x)")

    assert main(["--db", "other.db", "backup", "copy.db"]) == 1
    assert "other.db is no state file of dw-server" in capsys.readouterr().err
    assert not state.with_name("copy.db").exists()


def take_signals() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGTERM, 128 + signal.SIGTERM),
        (signal.SIGHUP, 128 + signal.SIGHUP),
        (signal.SIGINT, 130),
    ],
)
def test_of_a_copy_that_is_stopped_nothing_is_left(
    tmp_path: Path, number: signal.Signals, status: int
) -> None:
    path = tmp_path / "state.db"
    asyncio.run(serve(path, lambda http: start(http, "large", 1_000_000)))
    arguments = ["backup", "--db", str(path), "--megabytes-per-second", "0.001", "copy.db"]
    with subprocess.Popen(
        [sys.executable, "-m", "durable_workflow.server", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        # A shell has what it starts in the background ignore SIGINT.
        preexec_fn=take_signals,
    ) as process:
        part = tmp_path / "copy.db.part"
        try:
            while not part.exists():
                assert process.poll() is None
                time.sleep(0.01)
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
        finally:
            process.kill()

    assert process.returncode == status
    assert "Traceback" not in errors
    assert {each.name for each in tmp_path.iterdir()} <= {
        "state.db",
        "state.db-wal",
        "state.db-shm",
        "state.db.lock",
    }


def test_what_a_copy_fails_of_is_told(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    asyncio.run(serve(path, lambda http: start(http, "large", 1_000_000)))

    copied = subprocess.run(
        [sys.executable, "-m", "durable_workflow.server", "backup", "--db", str(path), "copy.db"],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )

    assert copied.returncode == 1
    assert copied.stderr == f"dw-server: cannot copy {path} to copy.db: disk I/O error\n"
    assert not [each for each in tmp_path.iterdir() if each.name.startswith("copy")]


def test_a_copy_to_a_folder_that_is_missing_is_refused(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--db", str(state), "backup", "/no/such/copy.db"]) == 1
    assert "/no/such/copy.db" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM history", "is not dense"),
        ("UPDATE history SET sequence = 9", "is not dense"),
        ("UPDATE history SET events = events - 1", "is not dense"),
        ("INSERT INTO history SELECT run_id, 1, event_type, record, 0 FROM history", "not dense"),
        ("UPDATE runs SET task_id = NULL, task_status = NULL", "nothing will move it"),
        ("UPDATE runs SET task_status = 'leased', due_at = NULL", "nothing will free it"),
        ("UPDATE runs SET task_status = 'lost'", "nothing will free it"),
        ("DELETE FROM run_details", "has lost the row of its details"),
        ("DELETE FROM workflow_instances", "has lost the row of its workflow id"),
        ("DELETE FROM namespaces", "has lost the row of its namespace"),
        ("UPDATE schema_migrations SET version = 9999 WHERE version = 1", "newer dw-server"),
        ("PRAGMA application_id = 7", "is no state file"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_and_it_is_not_restored(
    state: Path, capsys: pytest.CaptureFixture[str], statement: str, told: str
) -> None:
    change(state, statement)

    assert main(["verify", str(state)]) == 1
    assert told in capsys.readouterr().err
    assert main(["--db", "other.db", "restore", str(state)]) == 1
    assert not state.with_name("other.db").exists()


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A state file with large strings: of an input, and of a signal in a history."""
    path = tmp_path / "large.db"

    async def fill(http: httpx.AsyncClient) -> None:
        for name, size in (("input", 50_000), ("signal", 0)):
            await start(http, name, size)
        answer = await http.post(
            "/api/workflows/signal/signal/s", json={"input": ["y" * 50_000]}, headers=HEADERS
        )
        assert answer.status_code == 202, answer.text

    asyncio.run(serve(path, fill))
    return path


def test_large_strings_that_are_missing_are_found(
    large: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", str(large)]) == 0

    change(large, "DELETE FROM large_strings")

    assert main(["verify", str(large)]) == 1
    told = capsys.readouterr().err
    for workflow in ("input", "signal"):
        assert f" of {workflow} refers to large strings that are missing: 1\n" in told


def test_what_is_missing_of_a_run_that_is_being_deleted_is_not_missed(large: Path) -> None:
    change(large, "DELETE FROM large_strings")
    change(large, "UPDATE runs SET removed_from = namespace, namespace = ''")
    assert main(["verify", str(large)]) == 0


def test_a_row_of_a_history_that_cannot_be_read_is_found(
    large: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(large, "UPDATE history SET record = x'02ff'")
    assert main(["verify", str(large)]) == 1
    assert " of signal has a row that cannot be read: " in capsys.readouterr().err


def test_a_child_that_cannot_report_is_found(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = sqlite3.connect(state, isolation_level=None)
    [(run,)] = connection.execute("SELECT run_id FROM runs LIMIT 1").fetchall()
    connection.execute(
        "INSERT INTO child_links VALUES ('l', ?, 1, 'c', 'gone', 1, 't', 'abandon', NULL, NULL, "
        "NULL, 0, 'pending')",
        (run,),
    )
    connection.close()

    assert main(["verify", str(state)]) == 1
    assert "waits for the child run gone" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "loss", "told"),
    [
        (
            {"type": "schedule_activity", "activity_type": "a"},
            "DELETE FROM activities",
            "nothing will move it",
        ),
        (
            {"type": "schedule_activity", "activity_type": "a"},
            "UPDATE activities SET task_status = 'leased', due_at = NULL",
            "nothing will free it",
        ),
        (
            {"type": "schedule_activity", "activity_type": "a"},
            "UPDATE history SET sequence = sequence - 1 WHERE sequence = 2",
            "begins with the event 0 follows no other",
        ),
        (
            {"type": "start_timer", "delay_seconds": 60},
            "DELETE FROM timers",
            "nothing will move it",
        ),
        (
            {"type": "start_child_workflow", "workflow_type": "c"},
            "DELETE FROM runs WHERE parent_run_id IS NOT NULL",
            "which is not open",
        ),
        (
            {"type": "start_child_workflow", "workflow_type": "c"},
            "DELETE FROM child_links",
            "nothing will move it",
        ),
        (
            {"type": "open_condition_wait", "condition_key": "k"},
            "UPDATE runs SET wait_id = NULL",
            "nothing will move it",
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else each["type"],
)
def test_a_run_that_has_lost_what_it_waits_for_is_found(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: dict[str, object],
    loss: str,
    told: str,
) -> None:
    path = tmp_path / "waiting.db"

    async def wait(http: httpx.AsyncClient) -> None:
        await start(http, "waits")
        worker = {"worker_id": "w", "task_queue": "q", "runtime": "python"}
        await http.post("/api/worker/register", json=worker, headers=HEADERS)
        polled = await http.post("/api/worker/workflow-tasks/poll", json=worker, headers=HEADERS)
        task = polled.json()["task"]
        body = {"lease_owner": "w", "workflow_task_attempt": 1, "commands": [command]}
        where = f"/api/worker/workflow-tasks/{task['task_id']}/complete"
        answer = await http.post(where, json=body, headers=HEADERS)
        assert answer.status_code == 200, answer.text

    asyncio.run(serve(path, wait))
    assert main(["verify", str(path)]) == 0, capsys.readouterr().err
    change(path, loss)
    assert main(["verify", str(path)]) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["index", "table"])
def test_each_index_and_table_that_is_missing_is_found(
    state: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    whole = state.read_bytes()
    connection = sqlite3.connect(state)
    made = "SELECT name FROM sqlite_master WHERE type = ? AND sql IS NOT NULL"
    names = [name for (name,) in connection.execute(made, (kind,))]
    connection.close()
    kept = [name for name in names if name not in ("schema_migrations", "sqlite_sequence")]
    assert len(kept) > 10
    for name in kept:
        change(state, f"DROP {kind} {name}")
        assert main(["verify", str(state)]) == 1
        assert f"the {kind} {name} is missing" in capsys.readouterr().err
        state.write_bytes(whole)


def test_damaged_pages_are_found(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with state.open("r+b") as file:
        file.seek(2048 * 20)
        file.write(b"\xff" * 2048 * 30)

    assert main(["verify", str(state)]) == 1
    errors = capsys.readouterr().err
    assert "damaged" in errors or "malformed" in errors


def test_restoring_keeps_what_was_there(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = state.with_name("copy.db")
    assert main(["--db", str(state), "backup", str(copy)]) == 0
    change(state, "DELETE FROM history")

    assert main(["--db", str(state), "restore", str(copy)]) == 0

    assert main(["verify", str(state)]) == 0
    assert asyncio.run(serve(state, workflows)) == 3
    [kept] = [path for path in state.parent.iterdir() if ".replaced-" in path.name]
    assert f"what was there is now {kept}" in capsys.readouterr().out
    assert main(["verify", str(kept)]) == 1


@pytest.mark.parametrize("there", [True, False])
def test_what_root_restores_belongs_to_whom_the_file_or_the_folder_belongs_to(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, there: bool
) -> None:
    given = dict[str, tuple[int, int]]()

    def chown(path: Path, user: int, group: int, *, follow_symlinks: bool) -> None:
        assert path.exists()
        assert not follow_symlinks
        given[path.name] = (user, group)

    copy, folder = tmp_path / "copy.db", tmp_path / "new"
    assert main(["--db", str(state), "backup", str(copy)]) == 0
    folder.mkdir()
    target = state if there else folder / "state.db"
    monkeypatch.setattr(os, "chown", chown)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["--db", str(folder / "other.db"), "restore", str(copy)]) == 0
    assert given == {}
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert main(["--db", str(target), "restore", str(copy)]) == 0
    owner = target.parent.stat()
    mine = (owner.st_uid, owner.st_gid)
    assert given == {f"{target.name}.restored": mine, f"{target.name}.lock": mine}


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links are followed there")
def test_restoring_writes_through_no_link(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Root restores into a folder in which the server's user can put links."""
    copy, mine, folder = tmp_path / "copy.db", tmp_path / "mine", tmp_path / "new"
    assert main(["--db", str(state), "backup", str(copy)]) == 0
    mine.write_text("mine")
    folder.mkdir()
    lock = folder / "state.db.lock"
    lock.symlink_to(mine)
    (folder / "state.db.restored.part").symlink_to(mine)

    assert main(["--db", str(folder / "state.db"), "restore", str(copy)]) == 1
    assert f"cannot open {lock}" in capsys.readouterr().err
    lock.unlink()
    assert main(["--db", str(folder / "state.db"), "restore", str(copy)]) == 0

    assert mine.read_text() == "mine"
    assert sorted(path.name for path in folder.iterdir()) == ["state.db", "state.db.lock"]


async def test_a_file_that_is_served_is_not_restored(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = state.with_name("copy.db")
    async with embedded_server(db=state):
        assert main(["--db", str(state), "backup", str(copy)]) == 0
        assert main(["--db", str(state), "restore", str(copy)]) == 1
    assert "is served by another dw-server" in capsys.readouterr().err


@pytest.mark.parametrize("rate", ["-1", "x", "nan"])
def test_a_rate_that_is_none_is_refused(rate: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["backup", "copy.db", f"--megabytes-per-second={rate}"])
    assert stopped.value.code == 2
    assert "--megabytes-per-second" in capsys.readouterr().err
