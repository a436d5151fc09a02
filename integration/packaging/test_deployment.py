"""What the pages on deploying show: compared with the settings, and run as far as it can be here.

No image is built here, which takes a container engine: a job of CI does that, and runs the guide's
block with it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from durable_workflow.server.configuration import VARIABLES
from durable_workflow.server.settings import Settings
from integration.harness.processes import LISTENING, ManagedProcess, ServerProcess

ROOT = Path(__file__).resolve().parents[2]
CONTAINERFILE = (ROOT / "Containerfile").read_text().replace("\\\n", " ")
COMPOSE: dict[str, Any] = yaml.safe_load(
    (ROOT / "examples/order_processing/compose.yaml").read_text()
)
KUBERNETES: dict[str, Any] = {
    each["kind"]: each
    for each in yaml.safe_load_all((ROOT / "docs/examples/kubernetes.yaml").read_text())
}
UNIT = (ROOT / "docs/examples/dw-server.service").read_text()
BIN = Path(sys.executable).parent
KNOWN = {name for variables in VARIABLES.values() for name in variables}
SHUTDOWN_SECONDS = Settings().shutdown_seconds


def instructions(word: str, text: str = CONTAINERFILE) -> list[str]:
    return re.findall(rf"^{word} +(.+)$", text, re.MULTILINE)


def server_stage() -> str:
    return CONTAINERFILE.split(" AS server\n")[1]


def image_environment() -> dict[str, str]:
    words = [word for line in instructions("ENV", server_stage()) for word in shlex.split(line)]
    return dict(word.split("=", 1) for word in words)


def command() -> list[str]:
    """What the server's image runs where nothing else is said."""
    [found] = instructions("CMD", server_stage())
    parsed: list[str] = json.loads(found)
    return parsed


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = KUBERNETES["StatefulSet"]["spec"]["template"]["spec"]
    return spec


def environment(folder: Path, port: int | str) -> dict[str, str]:
    """The environment of the image, with its volume in a folder of the test."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    inside = image_environment()
    return {
        **inside,
        "PATH": path,
        "DW_DB": str(folder / Path(inside["DW_DB"]).name),
        "DW_PORT": str(port),
        "DW_AUTH_DRIVER": "token",
        "DW_AUTH_TOKEN": "dev-token",
    }


def run(arguments: list[str], given: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments,
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_commands_of_the_image_serve_as_the_guide_has_it(tmp_path: Path) -> None:
    given = environment(tmp_path, 0)
    for _ in range(2):  # it may be run again
        made = run([str(BIN / "server-bootstrap")], given)
        assert (made.returncode, made.stderr) == (0, "")
        assert "can serve" in made.stdout
    [program] = command()
    server = ManagedProcess([str(BIN / program)], environment=given, name="dw-server")
    try:
        url = server.wait_for_line(LISTENING)[1]
        assert url.startswith("http://0.0.0.0:")
        port = url.rsplit(":", 1)[1]
        assert httpx.get(f"http://localhost:{port}/api/ready").json()["status"] == "ready"
        headers = {"Authorization": "Bearer dev-token"}
        info = httpx.get(f"http://localhost:{port}/api/cluster/info", headers=headers)
        assert info.status_code == 200
        probe = [sys.executable, *healthcheck()[1:]]
        assert run(probe, {**given, "DW_PORT": port}).returncode == 0
        assert server.stop(timeout=SHUTDOWN_SECONDS) == 0
        assert run(probe, {**given, "DW_PORT": port}).returncode != 0
    finally:
        server.dispose()


def healthcheck() -> list[str]:
    [line] = instructions("HEALTHCHECK", server_stage())
    parsed: list[str] = json.loads(line[line.index("CMD ") + 4 :])
    assert parsed[0] == "python"
    return parsed


def test_bootstrap_of_a_served_file_says_who_has_it(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "state.db") as server:
        again = run([str(BIN / "server-bootstrap")], environment(tmp_path, 0))
    assert again.returncode == 1
    assert str(server.process.pid) in again.stderr


def test_the_image_keeps_what_the_guide_says() -> None:
    inside = image_environment()
    assert inside["DW_DB"].startswith("/app/database/")
    assert instructions("VOLUME", server_stage()) == ["/app/database"]
    assert instructions("EXPOSE", server_stage()) == [inside["DW_PORT"]] == ["8080"]
    assert inside.keys() <= KNOWN
    user, _, group = instructions("USER", server_stage())[0].partition(":")
    assert f"--uid {user} " in CONTAINERFILE
    assert user == group
    assert user not in ("0", "root")


def test_the_image_is_built_from_what_is_there_and_let_in() -> None:
    let_in = (ROOT / ".containerignore").read_text()
    assert (ROOT / ".dockerignore").read_text() == let_in
    for line in instructions("COPY"):
        source = line.split()[0]
        assert (ROOT / source).exists(), source
        assert f"!{source}" in let_in.split(), source
    [listed] = re.findall(r"for wheel in (.+?);", CONTAINERFILE)
    wheels = set(listed.split())
    assert all((ROOT / "libs" / each / "pyproject.toml").exists() for each in wheels)
    installed = {each.replace("_", "-") for each in re.findall(r"/wheels/(\w+)-\*", CONTAINERFILE)}
    assert installed == wheels
    pinned = re.search(r"hatchling==[\d.]+", (ROOT / "scripts/requirements-dev.txt").read_text())
    assert pinned is not None
    assert pinned[0] in CONTAINERFILE


def test_the_stack_fits_the_image() -> None:
    assert COMPOSE.keys() == {"name", "services", "volumes"}
    known = {
        *("build", "command", "depends_on", "environment", "ports", "profiles", "restart"),
        *("stop_grace_period", "volumes"),
    }
    stages = set(re.findall(r"^FROM .+ AS (\w+)$", CONTAINERFILE, re.MULTILINE))
    for name, service in COMPOSE["services"].items():
        assert service.keys() <= known, name
        assert service["build"]["target"] in stages
        folder = ROOT / "examples/order_processing" / service["build"]["context"]
        assert (folder / service["build"]["dockerfile"]).resolve() == ROOT / "Containerfile"
        assert service["environment"].keys() <= KNOWN
        assert set(service.get("depends_on", ())) <= COMPOSE["services"].keys()
    server = COMPOSE["services"]["server"]
    port = image_environment()["DW_PORT"]
    assert [each.rsplit(":", 1)[1] for each in server["ports"]] == [port]
    [(volume, at)] = [each.split(":") for each in server["volumes"]]
    assert volume in COMPOSE["volumes"]
    assert at == str(Path(image_environment()["DW_DB"]).parent)
    assert float(server["stop_grace_period"].removesuffix("s")) > SHUTDOWN_SECONDS
    assert f"http://server:{port}" in COMPOSE["services"]["worker"]["command"]


def test_the_commands_of_the_stack_process_orders(tmp_path: Path) -> None:
    """The very commands, with the address of a server of this test."""
    given = {"DW_AUTH_TOKEN": "dev-token", "PYTHONPATH": str(ROOT / "examples")}
    with ServerProcess(tmp_path / "state.db", token="dev-token") as server:

        def here(service: str) -> list[str]:
            words = COMPOSE["services"][service]["command"]
            assert words[0] == "python"
            there = {"python": sys.executable, "http://server:8080": server.url}
            return [there.get(word, word) for word in words]

        worker = ManagedProcess(here("worker"), environment=given, name="worker")
        try:
            placed = run(here("orders"), given)
            assert placed.returncode == 0, placed.stderr
            assert len(placed.stdout.splitlines()) == 5
            assert worker.stop() == 0
        finally:
            worker.dispose()


def test_the_pod_fits_the_image_and_is_alone() -> None:
    spec = KUBERNETES["StatefulSet"]["spec"]
    [container] = pod()["containers"]
    assert spec["replicas"] == 1
    assert pod()["terminationGracePeriodSeconds"] > SHUTDOWN_SECONDS
    user = instructions("USER", server_stage())[0].split(":")[0]
    assert pod()["enableServiceLinks"] is False
    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert str(pod()["securityContext"]["runAsUser"]) == user
    [port] = container["ports"]
    assert str(port["containerPort"]) == image_environment()["DW_PORT"]
    [service_port] = KUBERNETES["Service"]["spec"]["ports"]
    assert service_port["targetPort"] == port["name"]
    mounts = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    assert mounts["state"] == str(Path(image_environment()["DW_DB"]).parent)
    assert [each["metadata"]["name"] for each in spec["volumeClaimTemplates"]] == ["state"]
    assert {each["name"] for each in container["env"]} <= KNOWN
    assert KUBERNETES["Secret"]["stringData"].keys() <= KNOWN


def test_probes_are_answered_without_a_login_and_a_stop_is_in_time(tmp_path: Path) -> None:
    [container] = pod()["containers"]
    probes = [container[name]["httpGet"] for name in ("readinessProbe", "startupProbe")]
    poll = {"worker_id": "w", "task_queue": "q"}
    headers = {"Authorization": "Bearer t", "X-Durable-Workflow-Protocol-Version": "1.1"}
    with ServerProcess(tmp_path / "state.db", token="t") as server:
        for path in {*(probe["path"] for probe in probes), "/api/health"}:
            assert httpx.get(server.url + path).status_code == 200, path
        at = f"{server.url}/api/worker"
        register = {**poll, "runtime": "python"}
        with httpx.Client(headers=headers, timeout=60) as http:
            http.post(f"{at}/register", json=register).raise_for_status()
        held = subprocess.Popen(
            [
                *(sys.executable, "-c", HELD_POLL, f"{at}/workflow-tasks/poll"),
                *(json.dumps(headers), json.dumps(poll)),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        with held:
            assert held.stdout is not None
            assert held.stdout.readline() == "polling\n"
            began = time.monotonic()
            assert server.process.stop(timeout=SHUTDOWN_SECONDS) == 0
            assert time.monotonic() - began < SHUTDOWN_SECONDS
            assert held.wait(20) == 0, "the held poll was cut off"
    assert not (tmp_path / "state.db-wal").exists()


# Sends a poll, says so, and ends well if it is answered.
HELD_POLL = """
import http.client, json, sys, urllib.parse
at = urllib.parse.urlparse(sys.argv[1])
connection = http.client.HTTPConnection(at.netloc, timeout=60)
headers = {**json.loads(sys.argv[2]), "Content-Type": "application/json"}
connection.request("POST", at.path, sys.argv[3], headers)
print("polling", flush=True)
sys.exit(connection.getresponse().status != 200)
"""


def directives(section: str) -> list[tuple[str, str]]:
    """The directives of one section of the unit, in order; some may be given twice."""
    assert "\\\n" not in UNIT  # no line is continued
    [found] = re.findall(rf"^\[{section}\]\n(.*?)(?=^\[|\Z)", UNIT, re.MULTILINE | re.DOTALL)
    lines = [line for line in found.splitlines() if line and not line.startswith("#")]
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]


SERVICE = dict(directives("Service"))
# What systemd.service(5), systemd.exec(5), systemd.kill(5) and systemd.resource-control(5) take.
_YES_OR_NO = r"yes|no"
_SECONDS = r"\d+"
_PROGRAM = r"/\S+( \S+)*"
TAKEN = {
    "Unit": {
        "Description": r".+",
        "Documentation": r"https://\S+",
        "After": r"[\w-]+\.target",
        "Wants": r"[\w-]+\.target",
    },
    "Service": {
        "EnvironmentFile": r"-?/\S+",
        "Environment": r"[A-Z_]+=\S+",
        "ExecStartPre": _PROGRAM,
        "ExecStart": _PROGRAM,
        "KillSignal": r"SIG[A-Z]+",
        "KillMode": r"control-group|mixed|process|none",
        "TimeoutStopSec": _SECONDS,
        "Restart": r"no|on-success|on-failure|on-abnormal|on-watchdog|on-abort|always",
        "RestartSec": _SECONDS,
        "RestartPreventExitStatus": r"\d{1,3}",
        "DynamicUser": _YES_OR_NO,
        "StateDirectory": r"[^/\s]+",
        "StateDirectoryMode": r"0[0-7]{3}",
        "UMask": r"0[0-7]{3}",
        "NoNewPrivileges": _YES_OR_NO,
        "ProtectSystem": r"yes|no|full|strict",
        "ProtectHome": r"yes|no|read-only|tmpfs",
        "PrivateTmp": _YES_OR_NO,
        "PrivateDevices": _YES_OR_NO,
        "ProtectKernelTunables": _YES_OR_NO,
        "ProtectControlGroups": _YES_OR_NO,
        "RestrictAddressFamilies": r"AF_\w+( AF_\w+)*",
        "LimitNOFILE": r"\d+",
        "MemoryMax": r"\d+[KMGT]?",
    },
    "Install": {"WantedBy": r"[\w-]+\.target"},
}


def test_the_systemd_unit_says_what_systemd_knows() -> None:
    assert re.findall(r"^\[(\w+)\]$", UNIT, re.MULTILINE) == [*TAKEN]
    several = {"Environment"}
    for section, taken in TAKEN.items():
        given = directives(section)
        names = [name for name, _ in given if name not in several]
        assert len(set(names)) == len(names), section
        for name, value in given:
            assert name in taken, f"{section}: {name} is no directive that is meant here"
            assert re.fullmatch(taken[name], value), f"{section}: {name}={value}"
    assert SERVICE["DynamicUser"] == "yes"
    # The one place that a dynamic user may write to under ProtectSystem=strict.
    state = Path(unit_environment()["DW_DB"]).parent
    assert state == Path("/var/lib") / SERVICE["StateDirectory"]


def unit_environment() -> dict[str, str]:
    pairs = [value.partition("=") for name, value in directives("Service") if name == "Environment"]
    return {name: value for name, _, value in pairs}


def unit_program(directive: str) -> list[str]:
    """A command of the unit, where this environment has its program."""
    program, *arguments = SERVICE[directive].split()
    assert Path(program).parent == Path("/opt/dw-server/bin")
    return [str(BIN / Path(program).name), *arguments]


def test_the_systemd_unit_gives_settings_that_there_are_and_time_to_stop() -> None:
    assert unit_environment().keys() <= KNOWN
    assert int(SERVICE["TimeoutStopSec"]) > SHUTDOWN_SECONDS
    assert signal.Signals[SERVICE["KillSignal"]] is signal.SIGTERM


def test_the_systemd_unit_runs(tmp_path: Path) -> None:
    state = tmp_path / SERVICE["StateDirectory"]
    state.mkdir(mode=int(SERVICE["StateDirectoryMode"], 8))
    given = unit_environment()
    db = state / Path(given["DW_DB"]).name
    given |= {"DW_DB": str(db), "DW_PORT": "0", "DW_AUTH_TOKEN": "secret"}
    checked = run(unit_program("ExecStartPre"), given)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "secret" not in checked.stdout

    wrong = run(unit_program("ExecStart"), {**given, "DW_AUTH_DRIVER": "magic"})
    assert str(wrong.returncode) == SERVICE["RestartPreventExitStatus"]
    assert not db.exists()

    server = ManagedProcess(unit_program("ExecStart"), environment=given, name="dw-server")
    try:
        # The line is JSON, as the unit has it.
        url = server.wait_for_line(re.compile(r'"message": *"[^"]*listening on ([^" ]+)'))[1]
        assert httpx.get(f"{url}/api/ready").json()["status"] == "ready"
        # Restart=on-failure: a stop is none.
        assert server.stop(timeout=SHUTDOWN_SECONDS) == 0
    finally:
        server.dispose()
    assert db.exists()
