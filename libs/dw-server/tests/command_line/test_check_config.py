"""`dw-server check-config` and `--help`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from durable_workflow.server.command_line import main
from durable_workflow.server.configuration import VARIABLES, key_of


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("DW_"):
            monkeypatch.delenv(name)


def test_every_setting_is_printed_and_nothing_is_made(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["check-config"]) == 0

    said, errors = capsys.readouterr()
    printed = [line.split()[0] for line in said.splitlines()[1:]]
    assert printed == [key_of(name) for group in VARIABLES.values() for name in group]
    assert errors == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [
        ([], {"DW_PROT": "1"}, "DW_PROT is not known; did you mean DW_PORT?"),
        ([], {"DW_PORT": "x"}, "DW_PORT: must be"),
        (["--host", "0.0.0.0"], {}, "set DW_AUTH_TOKEN"),
        (
            [],
            {"DW_AUTH_DRIVER": "token"},
            "nobody can log in: auth driver token wants DW_AUTH_TOKEN",
        ),
        ([], {"DW_AUTH_DRIVER": "signature", "DW_AUTH_TOKEN": "t"}, "wants DW_SIGNATURE_KEY"),
        (
            ["--no-auth-backward-compatible"],
            {"DW_AUTH_TOKEN": "t"},
            "nobody can log in: auth driver token wants a token per role, since",
        ),
        (
            [],
            {"DW_AUTH_TOKEN": "t", "DW_WORKER_TOKEN": "t"},
            "DW_AUTH_TOKEN is the same as DW_WORKER_TOKEN: "
            "who presents it is a worker and nothing else",
        ),
        (
            [],
            {"DW_OPERATOR_SIGNATURE_KEY": "k", "DW_ADMIN_SIGNATURE_KEY": "k"},
            "DW_ADMIN_SIGNATURE_KEY is the same as DW_OPERATOR_SIGNATURE_KEY: "
            "who presents it is an operator and nothing else",
        ),
        ([], {"DW_MAX_WAITING_POLLS": "x"}, "DW_MAX_WAITING_POLLS: must be a whole number, 1 or"),
        (["--config", "/no/such.toml"], {}, "cannot read /no/such.toml"),
        (
            [],
            {"DW_EXTERNAL_EXECUTOR_CONFIG_PATH": "/no/such.json"},
            "/no/such.json is not used: there is no such file (unreadable_config)",
        ),
    ],
)
def test_what_is_wrong_is_said_and_ends_it_with_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    variables: dict[str, str],
    told: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert main(["check-config", *arguments]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    "variables",
    [
        {"DW_AUTH_TOKEN": "t", "DW_ADMIN_TOKEN": "t", "DW_WORKER_TOKEN": "w"},
        {"DW_AUTH_TOKEN": "w", "DW_WORKER_TOKEN": "w", "DW_AUTH_BACKWARD_COMPATIBLE": "no"},
        {"DW_AUTH_DRIVER": "none", "DW_AUTH_TOKEN": "w", "DW_WORKER_TOKEN": "w"},
    ],
)
def test_a_secret_that_two_settings_may_share_is_none_that_is_told(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert main(["check-config"]) == 0


@pytest.mark.parametrize("before", [True, False])
def test_flags_may_stand_before_or_after_the_command(
    capsys: pytest.CaptureFixture[str], *, before: bool
) -> None:
    flags = ["--max-waiting-polls", "7", "--no-compression-enabled", "--token", "secret"]

    assert main([*flags, "check-config"] if before else ["check-config", *flags]) == 0

    said = capsys.readouterr().out
    rows = {line.split()[0]: line.split()[1:] for line in said.splitlines()}
    assert rows["max_waiting_polls"] == ["7", "flag", "--max-waiting-polls"]
    assert rows["compression_enabled"] == ["false", "flag", "--compression-enabled"]
    assert rows["auth_token"] == ["********", "flag", "--token"]
    assert "secret" not in said


@pytest.mark.parametrize("flag", ["--config", "--port", "--db", "--log-level"])
def test_a_blank_flag_counts_as_unset(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    monkeypatch.setenv("DW_PORT", "7")
    assert main(["check-config", flag, " "]) == 0
    said = capsys.readouterr().out
    assert f"flag {flag}" not in said
    assert "environment DW_PORT" in said


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["--prot", "80"], "--prot is not known; did you mean --port?"),
        (["--no-access-lgo"], "did you mean --no-access-log?"),
        (["--worker-token=secret"], "--worker-token is not known"),
        (["chekc-config"], "argument command: invalid choice"),
        (["restore"], "usage: dw-server restore [options] COPY\n"),
        (["backup"], "dw-server backup: error: the following arguments are required: PATH"),
    ],
)
def test_what_is_not_understood_is_refused(
    capsys: pytest.CaptureFixture[str], typed: list[str], told: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(typed)

    errors = capsys.readouterr().err
    assert stopped.value.code == 2
    assert told in errors
    assert "secret" not in errors


def test_help_lists_every_variable(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])

    said = capsys.readouterr().out
    names = [name for group in VARIABLES.values() for name in group]
    assert [name for name in names if f"\n  {name} " not in said] == []
