"""The command ``dw-server``: what can be typed, and a module for each thing that it does."""

from durable_workflow.server.command_line._main import main, server_bootstrap

__all__ = ["main", "server_bootstrap"]
