"""Where our answers differ from the recorded ones, and which document wants that.

The recorded server is older than the protocol to build; where an exchange and the documents differ,
the documents win, and the difference has its row here.
"""

from __future__ import annotations

from integration.contract.recorded import Difference

SNAPSHOTS = "snapshots of command and task are informational and optional (control-plane 5.2)"
KEEPS_LEASES = "our leases are settings (design 4), so a lease says another time"

EVERYWHERE = [
    Difference("*", "*.payload.command", SNAPSHOTS),
    Difference("*", "*.payload.command.*", SNAPSHOTS),
    Difference("*", "*.payload.task", SNAPSHOTS),
    Difference("*", "*.payload.task.*", SNAPSHOTS),
    Difference(
        "*",
        "capabilities.payload_codecs_engine_specific",
        "only where PHP codecs are enabled (control-plane 3.4)",
    ),
    Difference(
        "*",
        "control_plane.request_contract.operations.start.fields.payload_codec.engine_specific_values",
        "only where PHP codecs are enabled (control-plane 3.4)",
    ),
]
QUICKSTART = [*EVERYWHERE]
ROUTES = [*EVERYWHERE]
