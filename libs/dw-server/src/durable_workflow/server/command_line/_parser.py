"""What can be typed after ``dw-server``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from durable_workflow._protocol import installed_version
from durable_workflow.server.configuration import (
    CONFIG,
    VARIABLES,
    Configuration,
    Given,
    configure,
    flag_of,
    listed,
    nearest,
)


def _no(flag: str) -> str:
    return f"--no-{flag[2:]}"


_EPILOG: Final = """\
Every setting is a variable of the environment, or a key of the settings file, or a flag:
DW_WORKER_POLL_TIMEOUT=5 is worker_poll_timeout = 5 in the file and --worker-poll-timeout 5. A flag
wins over the environment, and that over the file. Secrets have no flags but --token: other users
of a machine can read the command lines of its processes.

variables:
"""
_COMMON: Final = {
    "DW_DB": "PATH",
    "DW_HOST": "HOST",
    "DW_PORT": "PORT",
    "DW_LOG_LEVEL": "LEVEL",
    "DW_LOG_FORMAT": "FORMAT",
    "DW_ACCESS_LOG": "",
}
_TOKEN: Final = "DW_AUTH_TOKEN"
_RATE: Final = "--megabytes-per-second"
_FLAGS: Final = frozenset(
    [
        _RATE,
        "--token",
        "--auth-token",
        "--version",
        "--help",
        flag_of(CONFIG),
        *(
            flag
            for variables in VARIABLES.values()
            for name, variable in variables.items()
            if not variable.secret
            for flag in (flag_of(name), *([_no(flag_of(name))] if variable.is_switch else []))
        ),
    ]
)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What was typed. The process ends, with status 2, where that is not understood."""
    made = _parser()
    arguments = sys.argv[1:] if arguments is None else arguments
    for typed in arguments:
        # Before argparse takes the value of a flag that it does not know for a command.
        flag = typed.partition("=")[0]
        if flag.startswith("--") and flag not in _FLAGS:
            made.error(f"{flag} is not known{nearest(flag, _FLAGS)}")
    return made.parse_args(arguments)


def _parser() -> argparse.ArgumentParser:
    options = _options()
    made = argparse.ArgumentParser(
        prog="dw-server",
        usage="dw-server [options] [command]",
        description="Durable Workflow server: one process, its state in one file.\n"
        "Without a command it serves.",
        epilog=_EPILOG + listed(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        parents=[options],
    )
    commands = made.add_subparsers(
        title="commands", dest="command", metavar="command", prog="dw-server"
    )

    def add(name: str, about: str) -> argparse.ArgumentParser:
        path = {"backup": " PATH", "verify": " PATH", "restore": " COPY"}.get(name, "")
        return commands.add_parser(
            name,
            help=about,
            description=about,
            usage=f"dw-server {name} [options]{path}",
            allow_abbrev=False,
            parents=[options],
        )

    add("check-config", "print every setting with its origin, and what is wrong with them")
    add("bootstrap", "make the state file, or bring it up to date, and end")
    backup = add("backup", "copy the state file, also while a server has it")
    backup.add_argument("path", metavar="PATH", type=Path, help="the copy, which must not exist")
    backup.add_argument(
        _RATE,
        dest="rate",
        metavar="MB",
        type=_rate,
        default=32.0,
        help="so fast at most (default 32; 0: as fast as it goes)",
    )
    verify = add("verify", "look over a state file or a copy: pages, histories, open runs")
    verify.add_argument("path", metavar="PATH", type=Path, help="the file")
    restore = add("restore", "put a copy where the state file is, and keep what was there")
    restore.add_argument("path", metavar="COPY", type=Path, help="the copy")
    return made


def configuration_of(typed: argparse.Namespace) -> Configuration:
    """The settings, with what was typed over the environment and the file.

    Raises:
        SettingsError: The settings file cannot be read.
    """
    flags = {
        name: Given(text, "flag --token" if name == _TOKEN else f"flag {flag_of(name)}")
        for name in (CONFIG, *(name for variables in VARIABLES.values() for name in variables))
        if (text := getattr(typed, name, None)) is not None
    }
    return configure(flags, os.environ)


def _options() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS
    )
    made.add_argument(
        "--version", action="version", version=f"dw-server {installed_version('dw-server')}"
    )
    made.add_argument(
        flag_of(CONFIG), dest=CONFIG, metavar="PATH", help=f"TOML file of settings ({CONFIG})"
    )
    for variables in VARIABLES.values():
        for name, variable in variables.items():
            about = f"{variable.about} ({name})" if name in _COMMON else argparse.SUPPRESS
            if name == "DW_PORT":
                made.add_argument("--port", dest=name, metavar="PORT", type=_port, help=about)
            elif variable.is_switch:
                made.add_argument(
                    flag_of(name), dest=name, action="store_const", const="true", help=about
                )
                made.add_argument(
                    _no(flag_of(name)),
                    dest=name,
                    action="store_const",
                    const="false",
                    help=argparse.SUPPRESS,
                )
            elif not variable.secret:
                made.add_argument(flag_of(name), dest=name, metavar=_COMMON.get(name), help=about)
    made.add_argument(
        "--token",
        "--auth-token",
        dest=_TOKEN,
        metavar="TOKEN",
        help=f"what callers must present ({_TOKEN} is safer)",
    )
    return made


def _rate(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e6:
        raise argparse.ArgumentTypeError("must be a number, 0 or more")
    return value


def _port(text: str) -> str:
    if text.strip() and not (text.isdecimal() and text.isascii() and int(text) <= 65_535):
        raise argparse.ArgumentTypeError("must be a number between 0 and 65535")
    return text
