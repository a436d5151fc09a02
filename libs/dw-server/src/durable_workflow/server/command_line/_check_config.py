"""``dw-server check-config``: what the server would serve with, and what is wrong with it."""

from __future__ import annotations

import sys

from durable_workflow.server.configuration import Configuration, report
from durable_workflow.server.executors import load
from durable_workflow.server.settings import SettingsError, missing_login, shared_secrets


def check_config(configuration: Configuration) -> int:
    """Print every setting, and to standard error what is wrong; the exit status.

    A server that starts warns of unknown variables of the environment, which it may share with
    others; here they are refused.
    """
    print(report(configuration))
    wrong = [*configuration.problems, *configuration.unknown]
    try:
        configuration.settings.require_safe()
    except SettingsError as error:
        wrong.append(str(error))
    settings = configuration.settings
    if missing := missing_login(settings.auth):
        wrong.append(missing)
    wrong += shared_secrets(settings.auth)
    executors = load(
        settings.external_executor_config_path, settings.external_executor_config_overlay
    )
    wrong += executors.warnings()
    sys.stdout.flush()
    for problem in wrong:
        print(f"dw-server: {problem}", file=sys.stderr)
    return 2 if wrong else 0
