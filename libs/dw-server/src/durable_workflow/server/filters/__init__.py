"""The `query` of lists: a small language over the fields of runs, read once into a tree.

The language and its tree know no store: a store writes a tree in its own SQL.
"""

from durable_workflow.server.filters.fields import Field, FieldKind
from durable_workflow.server.filters.parsing import FilterError, check_length, is_expression, parse
from durable_workflow.server.filters.tree import (
    Absent,
    All,
    Among,
    Attribute,
    Condition,
    Either,
    Mentions,
    Moment,
    Not,
    Range,
    System,
    Value,
    all_of,
)

__all__ = [
    "Absent",
    "All",
    "Among",
    "Attribute",
    "Condition",
    "Either",
    "Field",
    "FieldKind",
    "FilterError",
    "Mentions",
    "Moment",
    "Not",
    "Range",
    "System",
    "Value",
    "all_of",
    "check_length",
    "is_expression",
    "parse",
]
