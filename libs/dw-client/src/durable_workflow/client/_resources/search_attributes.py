"""Methods about search attributes."""

from typing import Any

from durable_workflow.client._call import Call, as_object, reading
from durable_workflow.client._keys import new_key
from durable_workflow.client._results.search_attributes import SearchAttributeList
from durable_workflow.client._routes import Route
from durable_workflow.client._session import Session

_INVALID = "invalid_search_attribute_response"


class SearchAttributeMethods(Session):
    """Search attributes: typed names by which workflows are found."""

    async def list_search_attributes(self) -> SearchAttributeList:
        """List the search attributes of the namespace."""
        return await self._send(
            Call("GET", Route.SEARCH_ATTRIBUTES, reading(SearchAttributeList.from_dict, _INVALID))
        )

    async def create_search_attribute(self, name: str, attribute_type: str) -> dict[str, Any]:
        """Define a search attribute.

        Args:
            name: Its name.
            attribute_type: `keyword`, `text`, `int`, `double`, `bool`, `datetime` or
                `keyword_list`.

        Raises:
            InvalidArgument: The name is taken or reserved, or there is no such type.
        """
        body = {"name": name, "type": attribute_type}
        return await self._send(
            Call(
                "POST",
                Route.SEARCH_ATTRIBUTES,
                as_object(_INVALID),
                body=body,
                context=name,
                headers=new_key(),
            )
        )

    async def delete_search_attribute(self, name: str) -> dict[str, Any]:
        """Remove a search attribute.

        Args:
            name: Its name.

        Raises:
            SearchAttributeNotFound: There is none of that name.
            InvalidArgument: It belongs to the system.
        """
        return await self._send(
            Call(
                "DELETE",
                Route.SEARCH_ATTRIBUTE,
                as_object(_INVALID),
                path={"name": name},
                headers=new_key(),
            )
        )
