"""Results of calls about namespaces and their external storage."""

from dataclasses import dataclass
from typing import Any

from durable_workflow._wire.json_values import JsonObject, dict_or_none, objects, text
from durable_workflow.external_storage import ExternalPayloadStoragePolicy


@dataclass
class NamespaceDescription:
    """A namespace: the boundary between tenants.

    Attributes:
        name: Its name, in lower case.
        description: What it is for.
        retention_days: How long closed runs are kept.
        status: `active`; `deleted` in the result of a deletion.
        created_at: When it was made, in UTC.
        updated_at: When it was last changed, in UTC.
        deleted: After a deletion, how many things of each kind went with it.
        external_payload_storage: Where its large payloads are kept, if anywhere.
    """

    name: str
    description: str | None = None
    retention_days: int | None = None
    status: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    deleted: dict[str, int] | None = None
    external_payload_storage: ExternalPayloadStoragePolicy | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "NamespaceDescription":
        """Read the namespace from a response object.

        Raises:
            ValueError: The storage policy in it is malformed.
        """
        deleted = dict_or_none(data.get("deleted"))
        policy = dict_or_none(data.get("external_payload_storage"))
        return cls(
            name=text(data.get("name")),
            description=data.get("description"),
            retention_days=data.get("retention_days"),
            status=data.get("status"),
            created_at=data.get("created_at"),
            updated_at=data.get("updated_at"),
            deleted=None if deleted is None else _integers(deleted),
            external_payload_storage=(
                None if policy is None else ExternalPayloadStoragePolicy.from_dict(policy)
            ),
        )


@dataclass
class NamespaceList:
    """All namespaces that the caller may see.

    Attributes:
        namespaces: The namespaces.
    """

    namespaces: list[NamespaceDescription]


@dataclass
class StoragePayloadTestResult:
    """Result of the round trip of one test payload.

    Attributes:
        status: `passed` or `failed`.
        bytes: Size of the payload.
        sha256: Its digest, in hex.
        reference_uri: Where it was kept.
        wrote: Whether it could be written; None where the server does not say.
        read: Whether it could be read back.
        verified: Whether what was read is what was written.
        latency_ms: Milliseconds for the round trip.
    """

    status: str
    bytes: int | None = None
    sha256: str | None = None
    reference_uri: str | None = None
    wrote: bool | None = None
    read: bool | None = None
    verified: bool | None = None
    latency_ms: float | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "StoragePayloadTestResult":
        """Read the result from a response object."""
        members = {name: data.get(name) for name in cls.__dataclass_fields__}
        members["status"] = text(data.get("status"))
        return cls(**members)  # type: ignore[arg-type]  # JSON scalars pass through unchecked


@dataclass
class StorageTestResult:
    """Result of the probe of the external storage.

    Attributes:
        status: `passed` or `failed`.
        namespace: The namespace whose storage was probed.
        driver: The driver that was probed.
        small_payload: The round trip of the small payload.
        large_payload: The round trip of the large one.
        raw: The whole response object.
    """

    status: str
    namespace: str | None = None
    driver: str | None = None
    small_payload: StoragePayloadTestResult | None = None
    large_payload: StoragePayloadTestResult | None = None
    raw: dict[str, Any] | None = None

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "StorageTestResult":
        """Read the result from a response object."""
        return cls(
            status=text(data.get("status")),
            namespace=data.get("namespace"),
            driver=data.get("driver"),
            small_payload=_payload_result(data.get("small_payload")),
            large_payload=_payload_result(data.get("large_payload")),
            raw=data,
        )


def namespace_list(data: JsonObject) -> NamespaceList:
    """Read a list of namespaces."""
    rows = objects(data.get("namespaces"))
    return NamespaceList([NamespaceDescription.from_dict(row) for row in rows])


def _payload_result(value: object) -> StoragePayloadTestResult | None:
    data = dict_or_none(value)
    return None if data is None else StoragePayloadTestResult.from_dict(data)


def _integers(counters: JsonObject) -> dict[str, int]:
    # `type`, because isinstance(True, int) holds.
    return {name: number for name, number in counters.items() if type(number) is int}
