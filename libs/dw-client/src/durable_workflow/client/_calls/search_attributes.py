"""Requests about search attributes."""

from durable_workflow.client._call import Call, as_object, reading
from durable_workflow.client._json import JsonObject
from durable_workflow.client._results.search_attributes import SearchAttributeList

_INVALID = "invalid_search_attribute_response"


def list_() -> Call[SearchAttributeList]:
    """All search attributes of the namespace."""
    return Call("GET", "/search-attributes", reading(SearchAttributeList.from_dict, _INVALID))


def create(name: str, attribute_type: str) -> Call[JsonObject]:
    """Define one."""
    body = {"name": name, "type": attribute_type}
    return Call("POST", "/search-attributes", as_object(_INVALID), body=body, context=name)


def delete(name: str) -> Call[JsonObject]:
    """Remove one."""
    return Call(
        "DELETE",
        "/search-attributes/{name}",
        as_object(_INVALID),
        path={"name": name},
        context=name,
    )
