"""The kinds of fields: what each reads, and what it says of a value that does not fit.

The wire is lenient in three ways (control-plane 1.6): strings are stripped, an empty string is
null; null is the same as absent; whole numbers may be sent as a string of digits. Everything else
must fit.

A kind is the second half of an annotation::

    priority: Annotated[int, Whole(most=9)] = 5
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from durable_workflow._wire.json_values import JsonObject
from durable_workflow.server.fields.reading import Reading
from durable_workflow.server.fields.schemas import Schemas
from durable_workflow.server.slices import Slices, at_once


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of field.

    Attributes:
        name: Its name on the wire, where the attribute has another.
        gives: Types that `read` returns; an annotation must name one. Empty for any.
        beside: The value is a name that the carrier puts beside the document.
        null_counts: Null is a value, and not the same as absent.
    """

    name: str | None = None
    gives: ClassVar[tuple[type, ...]] = ()
    beside: ClassVar[bool] = False
    null_counts: ClassVar[bool] = False

    def read(self, value: Any, at: str, reading: Reading) -> Any:
        """The value of the field; None where it is absent or does not fit, which is noted.

        Args:
            value: As it came; never null.
            at: The field's path.
        """
        raise NotImplementedError

    def schema(self, schemas: Schemas, *, needed: bool) -> JsonObject:
        """What `read` takes, null aside, as a JSON Schema.

        Args:
            needed: Whether a value that is read as absent is none.
        """
        raise NotImplementedError


class SlicedKind(Kind, frozen=True, kw_only=True):
    """A kind whose values may be large, so that reading one is done in slices."""

    def read(self, value: Any, at: str, reading: Reading) -> Any:
        return at_once(self.read_in_slices(value, at, reading))

    def read_in_slices(self, value: Any, at: str, reading: Reading) -> Slices[Any]:
        """What `read` says."""
        raise NotImplementedError
