"""Who gets which ready task, and the requests that wait: for tasks, for a run, as heartbeats."""

from durable_workflow.server.dispatch.admission import TooManyWaiting
from durable_workflow.server.dispatch.dispatcher import Dispatcher
from durable_workflow.server.dispatch.runs import RunWaiter
from durable_workflow.server.dispatch.waiters import TaskKey

__all__ = ["Dispatcher", "RunWaiter", "TaskKey", "TooManyWaiting"]
