"""The command ``dw-server``, also ``python -m durable_workflow.server``."""

from __future__ import annotations

import sys

from durable_workflow.server.command_line import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
