"""What may be a secret is never shown: neither in cluster info nor with a task."""

from __future__ import annotations

import re
from typing import Any, Final

from durable_workflow._wire.json_values import dict_or_none, list_or_none

REDACTED: Final = "redacted"
_SECRET: Final = re.compile("token|secret|authorization|signature", re.IGNORECASE)


def redacted(value: Any) -> Any:
    """A copy of a JSON value in which what stands under the name of a secret is replaced."""
    members, items = dict_or_none(value), list_or_none(value)
    if members is not None:
        return {
            name: REDACTED if _SECRET.search(name) else redacted(member)
            for name, member in members.items()
        }
    return value if items is None else [redacted(item) for item in items]
