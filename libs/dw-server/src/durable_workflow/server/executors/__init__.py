"""The external-executor configuration: which activities run outside of workers, and where."""

from durable_workflow.server.executors._configuration import NOT_CONFIGURED, ExternalExecutors
from durable_workflow.server.executors._loading import load
from durable_workflow.server.executors._problems import Problem

__all__ = ["NOT_CONFIGURED", "ExternalExecutors", "Problem", "load"]
