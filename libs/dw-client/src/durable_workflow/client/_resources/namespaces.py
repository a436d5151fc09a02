"""Methods about namespaces."""

from typing import Any

from durable_workflow._wire.json_values import present
from durable_workflow.client._call import Call, reading
from durable_workflow.client._callers import warn_caller
from durable_workflow.client._keys import new_key
from durable_workflow.client._results.namespaces import (
    NamespaceDescription,
    NamespaceList,
    StorageTestResult,
    namespace_list,
)
from durable_workflow.client._routes import Route
from durable_workflow.client._session import Session

_INVALID = "invalid_namespace_response"
_NAMESPACE = reading(NamespaceDescription.from_dict, _INVALID)


class NamespaceMethods(Session):
    """Namespaces: the boundary between tenants, and where their large payloads are kept."""

    async def list_namespaces(self) -> NamespaceList:
        """List the namespaces that the token may see."""
        return await self._send(Call("GET", Route.NAMESPACES, reading(namespace_list, _INVALID)))

    async def describe_namespace(self, name: str) -> NamespaceDescription:
        """Describe a namespace.

        Args:
            name: Its name.

        Raises:
            NamespaceNotFound: There is none of that name.
        """
        return await self._send(Call("GET", Route.NAMESPACE, _NAMESPACE, path={"name": name}))

    async def create_namespace(
        self, name: str, description: str | None = None, retention_days: int = 30
    ) -> NamespaceDescription:
        """Make a namespace.

        Args:
            name: Its name; the server makes it lower case.
            description: What it is for.
            retention_days: How long closed runs are kept.

        Raises:
            InvalidArgument: The name is taken, or an argument is out of bounds.
        """
        body = {"name": name, "description": description, "retention_days": retention_days}
        return await self._send(
            Call(
                "POST",
                Route.NAMESPACES,
                _NAMESPACE,
                body=body,
                context=name,
                headers=new_key(),
            )
        )

    async def update_namespace(
        self, name: str, description: str | None = None, retention_days: int | None = None
    ) -> NamespaceDescription:
        """Change a namespace. What is None stays as it is.

        Args:
            name: Its name.
            description: What it is for.
            retention_days: How long closed runs are kept.

        Raises:
            NamespaceNotFound: There is none of that name.
            InvalidArgument: An argument is out of bounds.
        """
        body = present(description=description, retention_days=retention_days)
        return await self._send(
            Call("PUT", Route.NAMESPACE, _NAMESPACE, path={"name": name}, body=body)
        )

    async def delete_namespace(self, name: str) -> NamespaceDescription:
        """Delete a namespace with everything in it.

        Args:
            name: Its name.

        Returns:
            The namespace as it was, with `deleted` saying how much went with it.

        Raises:
            NamespaceNotFound: There is none of that name; or it was deleted, and the answer that
                said so was lost.
        """
        return await self._send(Call("DELETE", Route.NAMESPACE, _NAMESPACE, path={"name": name}))

    async def set_namespace_external_storage(
        self,
        name: str | None = None,
        *,
        driver: str,
        enabled: bool = True,
        threshold_bytes: int | None = None,
        config: dict[str, Any] | None = None,
        namespace: str | None = None,
    ) -> NamespaceDescription:
        """Replace the external storage policy of a namespace.

        Args:
            name: Name of the namespace.
            driver: `local`, `s3`, `gcs` or `azure`.
            enabled: Whether the policy is in force.
            threshold_bytes: From which size on payloads go there.
            config: What the driver needs, as `bucket`, `prefix` or `disk`.
            namespace: Deprecated, the same as `name`.

        Raises:
            TypeError: Both or neither of `name` and `namespace` are given.
            NamespaceNotFound: There is none of that name.
            InvalidArgument: The server refuses the policy.
        """
        if namespace is not None:
            if name is not None:
                raise TypeError("give the namespace as name or as namespace=, not as both")
            warn_caller("namespace= is deprecated, give the name as the first argument")
            name = namespace
        if name is None:
            raise TypeError("set_namespace_external_storage needs the name of the namespace")
        body = present(
            driver=driver, enabled=enabled, threshold_bytes=threshold_bytes, config=config
        )
        return await self._send(
            Call("PUT", Route.NAMESPACE_STORAGE, _NAMESPACE, path={"name": name}, body=body)
        )

    async def test_external_storage(
        self,
        driver: str | None = None,
        small_payload_bytes: int | None = None,
        large_payload_bytes: int | None = None,
    ) -> StorageTestResult:
        """Test external storage: the server writes, reads and deletes a small and a large payload.

        Args:
            driver: The driver to probe; None is that of the namespace.
            small_payload_bytes: Size of the small payload.
            large_payload_bytes: Size of the large payload.

        Raises:
            InvalidArgument: The namespace has no storage, or it cannot be used.
        """
        return await self._send(
            Call(
                "POST",
                Route.STORAGE_TEST,
                reading(StorageTestResult.from_dict, "invalid_storage_test_response"),
                body=present(
                    driver=driver,
                    small_payload_bytes=small_payload_bytes,
                    large_payload_bytes=large_payload_bytes,
                ),
                context=driver or "storage",
            )
        )
