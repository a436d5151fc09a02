"""Requests about namespaces and their external storage."""

from durable_workflow.client._call import Call, reading
from durable_workflow.client._json import JsonObject, objects, present
from durable_workflow.client._results.namespaces import (
    NamespaceDescription,
    NamespaceList,
    StorageTestResult,
)

_INVALID = "invalid_namespace_response"
_READ = reading(NamespaceDescription.from_dict, _INVALID)


def list_() -> Call[NamespaceList]:
    """All namespaces."""

    def read(data: JsonObject) -> NamespaceList:
        rows = objects(data.get("namespaces"))
        return NamespaceList([NamespaceDescription.from_dict(row) for row in rows])

    return Call("GET", "/namespaces", reading(read, _INVALID))


def describe(name: str) -> Call[NamespaceDescription]:
    """One namespace."""
    return Call("GET", "/namespaces/{name}", _READ, path={"name": name}, context=name)


def create(
    name: str, *, description: str | None, retention_days: int
) -> Call[NamespaceDescription]:
    """Make a namespace."""
    body = {"name": name, "description": description, "retention_days": retention_days}
    return Call("POST", "/namespaces", _READ, body=body, context=name)


def update(
    name: str, *, description: str | None, retention_days: int | None
) -> Call[NamespaceDescription]:
    """Change what is given."""
    return Call(
        "PUT",
        "/namespaces/{name}",
        _READ,
        path={"name": name},
        body=present(description=description, retention_days=retention_days),
        context=name,
    )


def delete(name: str) -> Call[NamespaceDescription]:
    """Delete a namespace and everything in it."""
    return Call("DELETE", "/namespaces/{name}", _READ, path={"name": name}, context=name)


def set_external_storage(
    name: str,
    *,
    driver: str,
    enabled: bool,
    threshold_bytes: int | None,
    config: JsonObject | None,
) -> Call[NamespaceDescription]:
    """Replace the whole storage policy."""
    return Call(
        "PUT",
        "/namespaces/{name}/external-storage",
        _READ,
        path={"name": name},
        body=present(
            driver=driver, enabled=enabled, threshold_bytes=threshold_bytes, config=config
        ),
        context=name,
    )


def test_external_storage(
    *, driver: str | None, small_payload_bytes: int | None, large_payload_bytes: int | None
) -> Call[StorageTestResult]:
    """Let the server write, read back and delete two payloads."""
    return Call(
        "POST",
        "/storage/test",
        reading(StorageTestResult.from_dict, "invalid_storage_test_response"),
        body=present(
            small_payload_bytes=small_payload_bytes,
            large_payload_bytes=large_payload_bytes,
            driver=driver,
        ),
        context=driver or "storage",
    )
