"""Commands of a workflow task: one module per kind, which knows its fields and what it does.

To add a kind, add a module here and name its class in `parsing.py`.
"""

from durable_workflow.server.engine.commands.parsing import Parsed, parse_commands
from durable_workflow.server.engine.commands.turn import Command, Turn

__all__ = ["Command", "Parsed", "Turn", "parse_commands"]
