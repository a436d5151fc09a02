"""Commands of a workflow task: one module per kind, which knows its fields and what it does.

Adding a kind is a module here and a line in `_TABLES`.
"""

from durable_workflow.server.engine.commands.parsing import Parsed, parse_commands
from durable_workflow.server.engine.commands.turn import Command, Turn

__all__ = ["Command", "Parsed", "Turn", "parse_commands"]
