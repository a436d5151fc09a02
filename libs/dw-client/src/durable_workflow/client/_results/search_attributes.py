"""Results of calls about search attributes."""

from dataclasses import dataclass
from typing import Any

from durable_workflow._wire.json_values import object_or_empty


@dataclass
class SearchAttributeList:
    """The search attributes of a namespace, name to type.

    Attributes:
        system_attributes: Those that every workflow has.
        custom_attributes: Those that the namespace defined.
    """

    system_attributes: dict[str, str]
    custom_attributes: dict[str, str]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "SearchAttributeList":
        """Read the attributes from a response object."""
        return cls(
            system_attributes=object_or_empty(data.get("system_attributes")),
            custom_attributes=object_or_empty(data.get("custom_attributes")),
        )
