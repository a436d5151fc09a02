"""Reasons: the codes by which a refusal or a failure is told apart, in place of its message.

Only those that several modules speak of stand here. `errors/_responses.py` maps the reasons of
servers to exceptions, and the server's `http/refusals.py` maps them to statuses.
"""

from typing import Final

UNKNOWN_QUERY: Final = "rejected_unknown_query"
QUERY_REJECTED: Final = "query_rejected"
STATE_UNAVAILABLE: Final = "query_workflow_state_unavailable"
