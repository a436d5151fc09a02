"""Flags, environment, file, defaults: who wins, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from durable_workflow.server.configuration import CONFIG, Given, configure, report
from durable_workflow.server.settings import Settings, SettingsError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "server.toml"


def flag(text: str) -> Given:
    return Given(text, "flag --x")


def test_flags_win_over_the_environment_and_that_over_the_file(file: Path) -> None:
    file.write_text("port = 1\nserver_id = 'file'\nhost = '127.0.0.3'")
    environment = {CONFIG: str(file), "DW_PORT": "2", "DW_SERVER_ID": "environment"}

    found = configure({"DW_PORT": flag("3")}, environment)

    settings = found.settings
    assert (settings.port, settings.server_id, settings.host) == (3, "environment", "127.0.0.3")
    assert {name: given.origin for name, given in found.given.items()} == {
        "DW_PORT": "flag --x",
        "DW_SERVER_ID": "environment DW_SERVER_ID",
        "DW_HOST": f"file {file}",
    }
    assert (found.problems, found.unknown) == ([], [])


def test_a_flag_names_another_file_than_the_environment(file: Path) -> None:
    file.write_text("port = 1")

    found = configure({CONFIG: flag(str(file))}, {CONFIG: "/no/such.toml"})

    assert found.settings.port == 1


def test_the_file_has_toml_values(file: Path) -> None:
    file.write_text(
        """
        compression_enabled = false
        worker_poll_timeout = 1.5
        max_payload_bytes = 1_000
        auth_token = ""
        limit_pending_timers = "7"
        [task_queue_admission_overrides."billing:mail".activity_tasks]
        max_active_leases = 2
        """
    )
    found = configure({CONFIG: flag(str(file))}, {})

    assert found.problems == []
    settings = found.settings
    assert (settings.compression, settings.long_poll_timeout) == (False, 1.5)
    assert (settings.wire.max_payload_bytes, settings.auth.token) == (1000, None)
    assert settings.services.limits.pending_timers == 7
    budget = settings.services.admission.budget("activity", "billing", "mail")
    assert budget.max_active_leases_per_queue == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prot = 1", "prot is not known; did you mean port?"),
        ("DW_PORT = 1", "DW_PORT is not known"),
        ("zzzzzzz = 1", "zzzzzzz is not known"),
        ("config = 'x'", "config is not known"),
        ("auth_provider = 'x'", "auth_provider is refused: this server has no custom login"),
        ("port = [1]", "port: must not be a list or a date"),
        ("port = 2020-01-01", "port: must not be a list or a date"),
        ("port = true", "DW_PORT (file"),
        ("port = -1", "DW_PORT (file"),
    ],
)
def test_what_does_not_fit_in_the_file_is_named(file: Path, text: str, told: str) -> None:
    file.write_text(text)

    [problem] = configure({CONFIG: flag(str(file))}, {}).problems

    assert told in problem
    assert str(file) in problem


@pytest.mark.parametrize("content", [b"port = ", b"\xff = 1", b"[x"])
def test_a_file_that_is_not_toml_is_named(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    with pytest.raises(SettingsError, match=rf"{file} is not TOML"):
        configure({CONFIG: flag(str(file))}, {})


@pytest.mark.parametrize(
    ("given", "stale"),
    [
        ({}, 60),
        ({"DW_WORKER_POLL_TIMEOUT": "20"}, 60),
        ({"DW_WORKER_POLL_TIMEOUT": "40.2"}, 81),
        ({"DW_WORKER_POLL_TIMEOUT": "40", "DW_WORKER_STALE_AFTER_SECONDS": "70"}, 70),
        # Not before three heartbeats have been missed.
        ({"DW_WORKER_STALE_AFTER_SECONDS": "1"}, 30),
    ],
)
def test_a_worker_is_stale_after_two_polls_unless_something_is_set(
    given: dict[str, str], stale: int
) -> None:
    found = configure({}, given)

    assert found.problems == []
    assert found.settings.services.stale_after(10) == stale


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "1" + "0" * 30])
def test_times_that_workers_are_measured_by_are_bounded(text: str) -> None:
    for name in ("HEARTBEAT_INTERVAL_SECONDS", "MISSED_HEARTBEATS", "WORKER_STALE_AFTER_SECONDS"):
        [problem] = configure({}, {f"DW_{name}": text}).problems
        assert f"DW_{name}: must be a whole number, 1 to " in problem


def test_all_that_is_wrong_is_said(file: Path) -> None:
    file.write_text("prot = 1\nhost = [2]")
    environment = {"DW_PORT": "x", "DW_LIMIT_HISTORY_BYTES": "-", "DW_AUTH_PROVIDER": "x"}

    found = configure({CONFIG: flag(str(file))}, environment)

    assert len(found.problems) == 5
    assert found.unfit == {"DW_PORT", "DW_LIMIT_HISTORY_BYTES"}
    assert found.settings == Settings()


def test_unknown_variables_are_told_with_the_nearest_known() -> None:
    environment = {"DW_PROT": "1", "WORKFLOW_SERVER_HOSTS": "x", "DW_ZZZZ": "x", "DW_ENV": "x"}

    assert configure({}, environment).unknown == [
        "DW_PROT is not known; did you mean DW_PORT?",
        "DW_ZZZZ is not known",
        "WORKFLOW_SERVER_HOSTS is not known; did you mean DW_HOST?",
    ]


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("DW_PORT", "port"),
        ("PORT", "port"),
        ("worker-poll-timeout", "worker_poll_timeout"),
        ("database", "db"),
        ("WORKFLOW_SERVER_HOST", "host"),
    ],
)
def test_a_key_that_is_called_otherwise_elsewhere_is_told_its_name(
    file: Path, key: str, near: str
) -> None:
    file.write_text(f"{key} = 1")

    [problem] = configure({CONFIG: flag(str(file))}, {}).problems
    assert problem == f"{file}: {key} is not known; did you mean {near}?"


def test_what_kubernetes_says_of_services_is_no_setting() -> None:
    names = ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_8080_TCP_ADDR"]

    assert configure({}, {f"DW_SERVER_{name}": "x" for name in names}).unknown == []


def test_the_report_shows_origins_and_no_secrets(file: Path) -> None:
    file.write_text("admin_token = 'file-secret'")
    environment = {
        CONFIG: str(file),
        "DW_AUTH_TOKEN": "environment-secret",
        "DW_V2_HISTORY_EXPORT_SIGNING_KEY": "signing-secret",
        "DW_PORT": "x",
        "WORKFLOW_SERVER_HOST": "127.0.0.2",
    }
    lines = report(configure({}, environment)).splitlines()

    rows = {line.split()[0]: line.split()[1:] for line in lines}
    assert "secret" not in "".join(lines)
    assert rows["auth_token"] == ["********", "environment", "DW_AUTH_TOKEN"]
    assert rows["admin_token"] == ["********", "file", str(file)]
    assert rows["worker_token"] == ["(unset)", "default"]
    assert rows["port"] == ["(does", "not", "fit)", "environment", "DW_PORT"]
    assert rows["host"] == ["127.0.0.2", "environment", "WORKFLOW_SERVER_HOST"]
    assert rows["worker_poll_timeout"] == ["30", "default"]
