"""What can be asked of the server, by whom: calls, whichever carrier brought them.

Nothing here knows HTTP. A carrier reads a call off its wire, lets `Api` tell who calls and of which
namespace, gives the call to the handler of its `Operation`, and puts the `Reply` on its wire.
"""

from durable_workflow.server.api.api import Api
from durable_workflow.server.api.calls import Call, Origin, Peer
from durable_workflow.server.api.failures import explain
from durable_workflow.server.api.login import Credentials, Principal
from durable_workflow.server.api.operations import Handler, Nothing, Operation
from durable_workflow.server.requests import Forwarded

__all__ = [
    "Api",
    "Call",
    "Credentials",
    "Forwarded",
    "Handler",
    "Nothing",
    "Operation",
    "Origin",
    "Peer",
    "Principal",
    "explain",
]
