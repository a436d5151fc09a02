"""Names of the HTTP headers of both planes, and the versions to put into them."""

import os
from typing import Final

from durable_workflow._protocol import CONTROL_PLANE_VERSION, PROTOCOL_VERSION

AUTHORIZATION: Final = "Authorization"
NAMESPACE: Final = "X-Namespace"
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
PREFER: Final = "Prefer"
PREFERENCE_APPLIED: Final = "Preference-Applied"
CONTROL_PLANE_VERSION_HEADER: Final = "X-Durable-Workflow-Control-Plane-Version"
PROTOCOL_VERSION_HEADER: Final = "X-Durable-Workflow-Protocol-Version"

CONTROL_PLANE_VERSION_VARIABLE: Final = "DURABLE_WORKFLOW_CONTROL_PLANE_VERSION"
PROTOCOL_VERSION_VARIABLE: Final = "DURABLE_WORKFLOW_WORKER_PROTOCOL_VERSION"


def requested_control_plane_version() -> str:
    """The control-plane version to send: that of the environment, else this package's.

    Read for every request, so that an operator may change it in a running process.
    """
    return os.environ.get(CONTROL_PLANE_VERSION_VARIABLE, "").strip() or CONTROL_PLANE_VERSION


def requested_protocol_version() -> str:
    """The worker-plane version to send: that of the environment, else this package's."""
    return os.environ.get(PROTOCOL_VERSION_VARIABLE, "").strip() or PROTOCOL_VERSION
