"""The command `dw-worker`: serve a task queue with the workflows and activities of modules."""

from durable_workflow.worker._command._main import main

__all__ = ["main"]
