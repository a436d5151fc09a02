"""Long polls: the requests that wait, and waking them after a commit."""

from durable_workflow.server.dispatch.admission import TooManyWaiting
from durable_workflow.server.dispatch.dispatcher import Dispatcher
from durable_workflow.server.dispatch.runs import RunWaiter
from durable_workflow.server.dispatch.waiters import TaskKey

__all__ = ["Dispatcher", "RunWaiter", "TaskKey", "TooManyWaiting"]
