"""Command kinds, one in each module, and the table that names them all."""

from durable_workflow._kernel.kind import Kind
from durable_workflow._kernel.kinds.table import KINDS, KINDS_OF_EVENT

__all__ = ["KINDS", "KINDS_OF_EVENT", "Kind"]
