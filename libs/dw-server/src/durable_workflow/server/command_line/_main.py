"""From what was typed to the thing that does it, and to the exit status."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from durable_workflow._commands import command
from durable_workflow.server import logs
from durable_workflow.server.command_line._check_config import check_config
from durable_workflow.server.command_line._copies import backup, restore, verify
from durable_workflow.server.command_line._parser import configuration_of, parse
from durable_workflow.server.command_line._serve import bootstrap, serve
from durable_workflow.server.configuration import Configuration
from durable_workflow.server.settings import Settings, SettingsError
from durable_workflow.server.store import StoreError

_log = logging.getLogger("durable_workflow.server")


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; the exit status.

    Returns:
        0; 1 where it could not be done; 2 where the settings do not fit.
    """
    typed = parse(arguments)
    serves, in_json = typed.command in (None, "bootstrap"), False
    try:
        configuration = configuration_of(typed)
        if typed.command == "check-config":
            return check_config(configuration)
        if typed.command == "verify":
            return verify(typed.path)
        logs.set_up(configuration.settings.log)
        # What a server says is read by programs; other commands answer whoever has typed them.
        in_json = serves and configuration.settings.log.format == "json"
        settings = _usable(configuration)
        if typed.command == "backup":
            return backup(settings, typed.path, typed.rate)
        if typed.command == "restore":
            return restore(settings, typed.path)
        if typed.command == "bootstrap":
            bootstrap(settings)
            return 0
        serve(settings)
    except SettingsError as error:
        return _complain(str(error), 2, in_json=in_json)
    except BrokenPipeError as error:
        # A server whose output nobody reads has not said where it is; other commands are done.
        if not serves:
            raise
        return _complain(str(error), 1, in_json=in_json)
    except (StoreError, OSError) as error:
        return _complain(_told(error), 1, in_json=in_json)
    except KeyboardInterrupt:
        return _complain("interrupted", 130, in_json=in_json)
    except Exception:
        if not serves:
            raise
        _log.critical("dw-server has failed", exc_info=True)
        return 1
    return 0


def server_bootstrap() -> int:
    """The command ``server-bootstrap``, which container images of this protocol have."""
    return main(["bootstrap", *sys.argv[1:]])


def _usable(configuration: Configuration) -> Settings:
    """The settings, where they fit.

    Raises:
        SettingsError: They do not.
    """
    if configuration.problems:
        raise SettingsError("\n".join(configuration.problems))
    settings = configuration.settings
    settings.require_safe()
    for unknown in configuration.unknown:
        _log.warning("%s", unknown)
    return settings


def _told(error: Exception) -> str:
    """What an error says, without the number that the system has for it."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"


def _complain(text: str, status: int, *, in_json: bool) -> int:
    for line in text.splitlines():
        if in_json:
            _log.error("%s", line)
        else:
            print(f"dw-server: {line}", file=sys.stderr)
    return status
