"""Who may call what. No role includes another one: an admin is not a worker."""

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
