"""Reading the settings: from flags, the environment and a file, each with its origin."""

from durable_workflow.server.configuration._report import REDACTED, listed, report, values
from durable_workflow.server.configuration._sources import (
    Configuration,
    Given,
    configure,
    from_env,
    nearest,
)
from durable_workflow.server.configuration._variables import (
    CONFIG,
    OTHERS,
    REFUSED,
    VARIABLES,
    Variable,
    flag_of,
    key_of,
)

__all__ = [
    "CONFIG",
    "OTHERS",
    "REDACTED",
    "REFUSED",
    "VARIABLES",
    "Configuration",
    "Given",
    "Variable",
    "configure",
    "flag_of",
    "from_env",
    "key_of",
    "listed",
    "nearest",
    "report",
    "values",
]
