"""How much a caller may send: bounds of fields that an operator may set."""

from __future__ import annotations

import msgspec


class WireLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one request may hold (control-plane 1.9)."""

    max_payload_bytes: int = 2_097_152
    max_memo_bytes: int = 262_144
    max_search_attributes: int = 100
    max_search_attribute_key_length: int = 128
    max_search_attribute_value_bytes: int = 2_048
    max_operation_name_length: int = 256
    max_pending_activities: int = 2_000
    max_pending_children: int = 2_000
