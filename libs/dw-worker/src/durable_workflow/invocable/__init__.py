"""Activities that somebody else carries here: one task in, one result out, over HTTP or Lambda."""

from durable_workflow._publish import publish
from durable_workflow.invocable._carriers import (
    InvocableHttpResponse,
    handle_invocable_http_request,
    handle_invocable_lambda_event,
    lambda_invocable_activity_handler,
)
from durable_workflow.invocable._handler import (
    InvocableActivityCallable,
    InvocableActivityHandler,
    handle_invocable_activity,
)

__all__ = [
    "InvocableActivityCallable",
    "InvocableActivityHandler",
    "InvocableHttpResponse",
    "handle_invocable_activity",
    "handle_invocable_http_request",
    "handle_invocable_lambda_event",
    "lambda_invocable_activity_handler",
]

publish(globals(), __all__)
