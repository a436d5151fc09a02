"""Where settings come from: flags, then the environment, then a TOML file, then the defaults."""

from __future__ import annotations

import difflib
import math
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from durable_workflow.server.admission_settings import AdmissionSettings, Budget
from durable_workflow.server.configuration._variables import (
    CONFIG,
    OLDER_PREFIX,
    OTHERS,
    PREFIX,
    REFUSED,
    VARIABLES,
    key_of,
)
from durable_workflow.server.engine.limits import Limits
from durable_workflow.server.fields import WireLimits
from durable_workflow.server.service_settings import ServiceSettings
from durable_workflow.server.settings import (
    AuthSettings,
    ExportSettings,
    LogSettings,
    Settings,
    SettingsError,
)

# What a key is called elsewhere.
_OTHER_WORDS: Final = {"db": "database"}
_NAMES: Final = [name for variables in VARIABLES.values() for name in variables]
# What Kubernetes puts into the environment for a service whose name begins with "dw-".
_SERVICE_LINK = re.compile(
    r"DW_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_\w+)|DW_\w+_PORT", re.ASCII
)


class Given(NamedTuple):
    """What was given for a setting, and where: a flag, a variable or the file."""

    text: str
    origin: str


class Configuration(NamedTuple):
    """The settings, and what there is to say about them.

    Attributes:
        settings: With the defaults for what does not fit.
        given: By the name of the variable; what is not here has its default.
        problems: What keeps the server from starting; each names a setting, none shows a value.
        unknown: Variables of the environment that look like settings and are none.
        unfit: Variables whose values do not fit.
    """

    settings: Settings
    given: dict[str, Given]
    problems: list[str]
    unknown: list[str]
    unfit: frozenset[str]


def from_env(environment: Mapping[str, str] | None = None) -> Settings:
    """Settings from environment variables; what is unset or blank has its default.

    Raises:
        SettingsError: A variable has a value that does not fit.
    """
    found = configure({}, os.environ if environment is None else environment)
    if found.problems:
        raise SettingsError("\n".join(found.problems))
    return found.settings


def configure(flags: Mapping[str, Given], environment: Mapping[str, str]) -> Configuration:
    """Read everything that was given.

    Args:
        flags: By the name of the variable that each stands for.
    Raises:
        SettingsError: The settings file cannot be read.
    """
    flags = {name: each for name, each in flags.items() if each.text.strip()}
    given = {name: each for name in _NAMES if (each := _lookup(environment, name))}
    problems = [
        f"{name} is refused: {why}"
        for name, why in REFUSED.items()
        if _lookup(environment, name) is not None
    ]
    config = flags.get(CONFIG) or _lookup(environment, CONFIG)
    if config is not None:
        of_file, wrong = _of_file(config.text)
        given = of_file | given
        problems += wrong
    given |= {name: each for name, each in flags.items() if name != CONFIG}
    settings, unfit = _build(given)
    problems += unfit.values()
    return Configuration(settings, given, problems, _unknown(environment), frozenset(unfit))


def _lookup(environment: Mapping[str, str], variable: str) -> Given | None:
    for name in (variable, OLDER_PREFIX + variable.removeprefix(PREFIX)):
        if text := environment.get(name, "").strip():
            return Given(text, f"environment {name}")
    return None


def _of_file(path: str) -> tuple[dict[str, Given], list[str]]:
    names = {key_of(name): name for name in _NAMES}
    refused = {key_of(name): why for name, why in REFUSED.items()}
    given: dict[str, Given] = {}
    problems: list[str] = []
    for key, value in _read_file(path).items():
        if key in refused:
            problems.append(f"{path}: {key} is refused: {refused[key]}")
        elif key not in names:
            problems.append(f"{path}: {key} is not known{nearest(key, names)}")
        elif (text := _text_of(value)) is None:
            problems.append(f"{path}: {key}: must not be a list or a date")
        elif text.strip():
            given[names[key]] = Given(text.strip(), f"file {path}")
    return given, problems


def _read_file(path: str) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise SettingsError(f"cannot read {path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is not TOML: it is not UTF-8") from None


def _text_of(value: object) -> str | None:
    """The text that a variable would have; None for what no setting is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, dict):
        try:
            return msgspec.json.encode(value).decode()
        except TypeError:
            return None
    return None


def _unknown(environment: Mapping[str, str]) -> list[str]:
    known = {*_NAMES, *REFUSED, *OTHERS, CONFIG}
    said: list[str] = []
    for name in sorted(environment):
        for prefix in (PREFIX, OLDER_PREFIX):
            if not name.startswith(prefix):
                continue
            newer = PREFIX + name.removeprefix(prefix)
            if newer not in known and not _SERVICE_LINK.fullmatch(newer):
                said.append(f"{name} is not known{nearest(newer, known)}")
    return said


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a line that says that a name is not known: the nearest one that is.

    The name of a variable in a file is near to the key, and `database` to `db`.
    """
    names = sorted(known)
    found = difflib.get_close_matches(name, names, n=1)
    if not found:
        by_key = {_plain(each): each for each in names}
        by_key |= {_OTHER_WORDS[key]: by_key[key] for key in by_key.keys() & _OTHER_WORDS.keys()}
        keys = difflib.get_close_matches(_plain(name), by_key, n=1)
        found = [by_key[key] for key in keys]
    return f"; did you mean {found[0]}?" if found else ""


def _plain(name: str) -> str:
    plain = name.lower().replace("-", "_").strip("_")
    return plain.removeprefix(OLDER_PREFIX.lower()).removeprefix(PREFIX.lower())


def _build(given: Mapping[str, Given]) -> tuple[Settings, dict[str, str]]:
    groups: dict[str, dict[str, Any]] = {group: {} for group in VARIABLES}
    unfit: dict[str, str] = {}
    for group, variables in VARIABLES.items():
        for name, variable in variables.items():
            if name in given:
                try:
                    groups[group][variable.field] = _read(name, given[name], variable.read)
                except SettingsError as error:
                    unfit[name] = str(error)
    _follow_poll_timeout(groups)
    admission = AdmissionSettings(
        workflow=Budget(**groups["workflow_budget"]),
        activity=Budget(**groups["activity_budget"]),
        **groups["admission"],
    )
    services: dict[str, Any] = {
        **groups["services"],
        "limits": Limits(**groups["limits"]),
        "admission": admission,
    }
    settings = Settings(
        **groups["server"],
        auth=AuthSettings(**groups["auth"]),
        wire=WireLimits(**groups["wire"]),
        services=ServiceSettings(**services),
        export=ExportSettings(**groups["export"]),
        log=LogSettings(**groups["log"]),
    )
    return settings, unfit


def _follow_poll_timeout(groups: Mapping[str, dict[str, Any]]) -> None:
    """A worker whose polls are held for long is heard seldom: where nothing says when it is stale,
    two polls may pass."""
    polls: float = 2 * groups["server"].get("long_poll_timeout", 0)
    if polls > ServiceSettings().worker_stale_after_seconds:
        groups["services"].setdefault("worker_stale_after_seconds", math.ceil(polls))


def _read(name: str, given: Given, read: Callable[[str], Any]) -> Any:
    try:
        return read(given.text)
    except ValueError as error:
        # The value is never shown: it may be a secret in the wrong variable.
        where = name if given.origin == f"environment {name}" else f"{name} ({given.origin})"
        raise SettingsError(f"{where}: {error}") from None
