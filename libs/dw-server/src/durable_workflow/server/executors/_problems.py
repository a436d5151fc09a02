"""What can be wrong with a configuration, in the words of the contract (replay 12.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

UNREADABLE_CONFIG: Final = "unreadable_config"
INVALID_JSON: Final = "invalid_json"
INVALID_SCHEMA: Final = "invalid_schema"
UNSUPPORTED_VERSION: Final = "unsupported_version"
UNKNOWN_OVERLAY: Final = "unknown_overlay"
UNKNOWN_CARRIER: Final = "unknown_carrier"
UNKNOWN_AUTH_REF: Final = "unknown_auth_ref"
DUPLICATE_MAPPING_NAME: Final = "duplicate_mapping_name"
MISSING_HANDLER_TARGET: Final = "missing_handler_target"
INVALID_QUEUE_BINDING: Final = "invalid_queue_binding"
UNSUPPORTED_CARRIER_CAPABILITY: Final = "unsupported_carrier_capability"
MISSING_INVOCABLE_AUTH_REF: Final = "missing_invocable_auth_ref"
INVALID_CARRIER_TARGET: Final = "invalid_carrier_target"
INVALID_INVOCABLE_CARRIER_SCOPE: Final = "invalid_invocable_carrier_scope"


class Problem(NamedTuple):
    """One thing that makes a configuration invalid.

    Attributes:
        code: A word of the contract.
        message: What is wrong, and where. Values of the file are not in it: one may be a secret.
        context: Names that the message speaks of.
    """

    code: str
    message: str
    context: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """The problem as cluster info has it."""
        return {"code": self.code, "message": self.message, "context": dict(self.context)}
