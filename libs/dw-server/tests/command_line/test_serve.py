"""`dw-server` as a process."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from durable_workflow.server.__main__ import main

CONTROL = {"X-Durable-Workflow-Control-Plane-Version": "2"}
WORKER = {"X-Durable-Workflow-Protocol-Version": "1.1"}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "durable_workflow.server", *arguments]


def environment(**variables: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DW_")}
    return {**ours, **variables}


@contextmanager
def running(
    *arguments: str, interrupts: signal.Handlers = signal.SIG_DFL, **variables: str
) -> Generator[tuple[subprocess.Popen[str], str, str], None, None]:
    """The process, the URL that it said, and all that it said before.

    Args:
        arguments: Of the command.
        interrupts: What SIGINT does where the process begins: a shell has what it starts in the
            background ignore it.
        variables: Of its environment.
    """
    with subprocess.Popen(
        command("--port", "0", *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**variables),
        preexec_fn=lambda: signal.signal(signal.SIGINT, interrupts),
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if found := re.fullmatch(r"dw-server listening on (http://127\.0\.0\.1:\d+)\n", line):
                break
        else:
            raise AssertionError(process.communicate())
        try:
            yield process, found[1], said
        finally:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_stops_when_asked(tmp_path: Path, number: int) -> None:
    db = str(tmp_path / "state.db")
    with running("--db", db) as (process, url, said):
        assert httpx.get(f"{url}/api/ready").json()["status"] == "ready"
        assert "without a login (auth driver none: only this machine can reach it)" in said
        assert db in said

        process.send_signal(number)
        _, errors = process.communicate(timeout=20)

    assert process.returncode == 0
    assert "Traceback" not in errors
    assert not Path(f"{db}-wal").exists()


def test_what_was_acknowledged_survives_being_killed(tmp_path: Path) -> None:
    db = str(tmp_path / "state.db")
    with running("--db", db) as (process, url, _):
        for number in range(5):
            body = {"workflow_id": f"w{number}", "workflow_type": "t"}
            answer = httpx.post(f"{url}/api/workflows", json=body, headers=CONTROL)
            assert answer.status_code == 201
        process.kill()
        process.wait()

    with running("--db", db) as (_, url, _):
        answer = httpx.get(f"{url}/api/workflows", headers=CONTROL)
        assert answer.json()["workflow_count"] == 5


def test_a_token_from_the_command_line_wins(tmp_path: Path) -> None:
    arguments = ("--db", ":memory:", "--token", "flag")
    with running(*arguments, DW_AUTH_TOKEN="environment") as (process, url, said):
        for token, status in [("flag", 200), ("environment", 401)]:
            headers = {"Authorization": f"Bearer {token}"}
            assert httpx.get(f"{url}/api/cluster/info", headers=headers).status_code == status
        process.terminate()
        _, errors = process.communicate(timeout=20)

    assert "login" not in said
    assert "flag" not in said + errors
    assert "environment" not in errors


def test_a_file_that_is_served_already_is_said(tmp_path: Path) -> None:
    db = str(tmp_path / "state.db")
    with running("--db", db) as (process, _, _):
        second = subprocess.run(
            command("--port", "0", "--db", db),
            capture_output=True,
            text=True,
            check=False,
            env=environment(),
        )

        assert second.returncode == 1
        assert f"is served by another dw-server (process {process.pid})" in second.stderr
        assert "Traceback" not in second.stderr


@pytest.mark.parametrize(
    ("arguments", "variables", "status", "said"),
    [
        (["--host", "0.0.0.0"], {}, 2, "set DW_AUTH_TOKEN (or --token)"),
        ([], {"DW_MAX_WAITING_POLLS": "x"}, 2, "DW_MAX_WAITING_POLLS: must be"),
        ([], {"DW_AUTH_DRIVER": "magic"}, 2, "DW_AUTH_DRIVER: must be"),
        ([], {"DW_AUTH_PROVIDER": "x"}, 2, "DW_AUTH_PROVIDER is refused"),
        (["--worker-poll-timeout", "x"], {}, 2, "(flag --worker-poll-timeout): must be"),
        (["--config", "/no/such.toml"], {}, 2, "cannot read /no/such.toml"),
        (["--db", "/no/such/folder/state.db"], {}, 1, "cannot open"),
    ],
)
def test_what_keeps_it_from_starting_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    variables: dict[str, str],
    status: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("DW_"):
            monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert main(["--port", "0", *arguments]) == status
    errors = capsys.readouterr().err
    assert said in errors
    assert len(errors.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "variables", "status"),
    [
        (["--port", "0"], {"DW_DB": "/no/such/folder/state.db"}, 1),
        (["--port", "0"], {"DW_DB": ":memory:", "DW_MAX_WAITING_POLLS": "x"}, 2),
        (["--port", "0", "--host", "a..b"], {"DW_DB": ":memory:", "DW_AUTH_DRIVER": "none"}, 1),
        (["bootstrap"], {"DW_DB": "state.db"}, 0),
    ],
)
def test_where_the_log_is_json_so_is_what_keeps_it_from_starting(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], status: int
) -> None:
    ended = subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment(DW_LOG_FORMAT="json", **variables),
    )

    assert ended.returncode == status
    assert ended.stdout == ""
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [line["level"] for line in lines] == ["error" if status else "info"]


def test_a_host_that_is_no_name_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--db", ":memory:", "--port", "0", "--auth-driver", "none"]

    assert main([*given, "--host", "a..b"]) == 1
    assert "cannot listen on a..b:0: it is no name of a host" in capsys.readouterr().err


def test_a_server_that_nobody_can_log_in_to_says_so() -> None:
    with running("--db", ":memory:", DW_AUTH_DRIVER="token") as (process, url, _):
        assert httpx.get(f"{url}/api/ready").status_code == 503
        process.terminate()
        _, errors = process.communicate(timeout=20)
    assert "WARNING durable_workflow.server: nobody can log in: auth driver token wants" in errors


def test_state_in_memory_is_no_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bootstrap", "--db", ":memory:"]) == 0
    assert capsys.readouterr().out == "dw-server can serve with its state in memory\n"


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("interrupts", [signal.SIG_DFL, signal.SIG_IGN])
def test_any_second_signal_ends_it_at_once(
    tmp_path: Path, interrupts: signal.Handlers, first: signal.Signals, second: signal.Signals
) -> None:
    head = b"POST /api/workflows HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
    arguments = ["--db", str(tmp_path / "state.db"), "--shutdown-seconds", "300"]
    with (
        running(*arguments, interrupts=interrupts) as (process, url, _),
        socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0)) as caller,
    ):
        caller.sendall(head)
        assert httpx.get(f"{url}/api/health").status_code == 200
        process.send_signal(first)
        assert process.stderr is not None
        for line in process.stderr:
            if "Waiting for connections" in line:
                break
        process.send_signal(second)
        process.communicate(timeout=20)
    assert process.returncode in (-second, 130)


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--port", port])

    assert stopped.value.code == 2
    assert "--port: must be a number between 0 and 65535" in capsys.readouterr().err


def test_an_address_that_is_taken_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert main(["--db", str(tmp_path / "state.db"), "--port", str(port)]) == 1
    said = capsys.readouterr().err
    told = f"dw-server: cannot listen on 127.0.0.1:{port}: Address already in use"
    assert told in said.splitlines()


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_log_has_times_and_ids_and_no_payloads(form: str) -> None:
    arguments = ("--db", ":memory:", "--access-log", "--log-level", "debug", "--token", "guarded")
    login = {"Authorization": "Bearer guarded", **CONTROL}
    with subprocess.Popen(
        command("--port", "0", "--log-format", form, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if form == "text" else subprocess.STDOUT,
        text=True,
        env=environment(),
    ) as process:
        assert process.stdout is not None
        first = ""
        while (found := re.search(r"listening on (http://[\d.:]+)", first)) is None:
            first += process.stdout.readline()
        url = found[1]
        body = {"workflow_id": "w1", "workflow_type": "t", "input": ["payload-secret"]}
        sent = {**login, "X-Request-Id": "mine"}
        assert httpx.post(f"{url}/api/workflows", json=body, headers=sent).status_code == 201
        httpx.get(f"{url}/api/workflows/w1", headers=login)
        signal_body = {"input": ["payload-secret"]}
        httpx.post(f"{url}/api/workflows/w1/signal/s", json=signal_body, headers=login)
        httpx.get(f"{url}/api/workflows?query=payload-secret", headers=CONTROL)
        stream = url.replace("http", "ws", 1) + "/api/worker/stream?payload-secret"
        with connect(stream, additional_headers={**login, **WORKER}) as opened:
            opened.send('[["payload-secret"]]')
            with pytest.raises(ConnectionClosed):
                opened.recv(timeout=10)
        with pytest.raises(InvalidStatus):
            connect(stream, additional_headers=WORKER)
        process.terminate()
        said, errors = process.communicate(timeout=20)

    log = (errors if form == "text" else first + said).splitlines()
    assert not [line for line in log if "payload-secret" in line or "guarded" in line]
    if form == "text":
        assert all(
            re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [A-Z]+ ", line) for line in log
        )
        assert [line for line in log if "[mine]: POST /workflows 201" in line]
        assert [line for line in log if "a login was refused (unauthorized)" in line]
        return
    lines = [json.loads(line) for line in log]
    assert {line["level"] for line in lines} == {"info", "warning"}
    described = [line for line in lines if line.get("route") == "GET /workflows/{workflow_id}"]
    assert [(line["workflow_id"], line["status"]) for line in described] == [("w1", 200)]
    started = [line for line in lines if line.get("request_id") == "mine"]
    assert [(line["workflow_id"], line["status"]) for line in started] == [("w1", 201)]
    assert "run_id" in started[0]
    assert all(re.match(r"\d{4}-", line["time"]) for line in lines)
