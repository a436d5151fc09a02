"""Definitions of search attributes (control-plane 9)."""

from __future__ import annotations

import re
from typing import Annotated, Final

import msgspec

from durable_workflow.server.fields import Beside, Choice, Text

ATTRIBUTE_TYPES: Final = ("keyword", "text", "int", "double", "bool", "datetime", "keyword_list")

_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")


class CreateSearchAttribute(msgspec.Struct, frozen=True, kw_only=True):
    """A new definition."""

    name: Annotated[str, Text(longest=128, pattern=_NAME)]
    type: Annotated[str, Choice(words=ATTRIBUTE_TYPES)]


class DeleteSearchAttribute(msgspec.Struct, frozen=True, kw_only=True):
    """A definition that goes; the values of runs stay."""

    name: Annotated[str, Beside()]
