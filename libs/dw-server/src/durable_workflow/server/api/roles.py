"""Who may call what. Roles are not a ladder: an admin is not a worker."""

from __future__ import annotations

from typing import Final

WORKER: Final = "worker"
OPERATOR: Final = "operator"
ADMIN: Final = "admin"

# The allowed roles of a route, in the order in which a refusal names them.
WORKERS: Final = (WORKER,)
OPERATORS: Final = (OPERATOR, ADMIN)
ADMINS: Final = (ADMIN,)
ANYBODY: Final = (WORKER, OPERATOR, ADMIN)
