"""Long polls: who waits for what, and who is woken by what was committed."""

from durable_workflow.server.dispatch.admission import TooManyWaiting
from durable_workflow.server.dispatch.dispatcher import Dispatcher
from durable_workflow.server.dispatch.waiters import TaskKey

__all__ = ["Dispatcher", "TaskKey", "TooManyWaiting"]
