"""A namespace's policy: where its large payloads go."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast


def _empty_config() -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class ExternalPayloadStoragePolicy:
    """What a server says about external payload storage of a namespace.

    Attributes:
        enabled: Whether payloads are stored externally at all.
        driver: `local`, `s3`, `gcs`, `azure`.
        threshold_bytes: Blobs with more bytes than this are stored externally.
        config: `uri`, `bucket`, `container`, `prefix`, as the driver needs them.
        reference: A locator of the bucket or container, where `config` has none.
        prefix: What object keys begin with.
        mode: The server's word, not interpreted.
        status: The server's word, not interpreted.
        integrity_required: Whether fetched payloads must match their hash.
    """

    enabled: bool
    driver: str | None = None
    threshold_bytes: int | None = None
    config: Mapping[str, Any] = field(default_factory=_empty_config)
    reference: str | None = None
    prefix: str = ""
    mode: str | None = None
    status: str | None = None
    integrity_required: bool = True

    @classmethod
    def from_dict(cls, data: object) -> "ExternalPayloadStoragePolicy":
        """Read a policy, or an object that holds one under `external_payload_storage`.

        Raises:
            ValueError: A field has the wrong type; the text names it.
        """
        fields = _Fields(data)
        driver = fields.optional_text("driver")
        enabled = fields.flag("enabled")
        config = fields.config()
        prefix = fields.optional_text("prefix")
        if prefix is None:
            prefix = _text_or_none(config.get("prefix"), "config.prefix")
        integrity_required = fields.flag("integrity_required")
        return cls(
            enabled=driver is not None if enabled is None else enabled,
            driver=driver,
            threshold_bytes=fields.threshold(),
            config=config,
            reference=fields.optional_text("reference"),
            prefix=prefix or "",
            mode=fields.optional_text("mode"),
            status=fields.optional_text("status"),
            integrity_required=True if integrity_required is None else integrity_required,
        )


class _Fields:
    """The members of a policy document, each read with its type."""

    def __init__(self, data: object) -> None:
        document = _mapping(data, "")
        nested = document.get("external_payload_storage")
        self._document = document if nested is None else _mapping(nested, "")

    def optional_text(self, key: str) -> str | None:
        return _text_or_none(self._document.get(key), key)

    def flag(self, key: str) -> bool | None:
        value = self._document.get(key)
        if value is not None and not isinstance(value, bool):
            raise _wrong(key, "a boolean")
        return value

    def threshold(self) -> int | None:
        value = self._document.get("threshold_bytes")
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise _wrong("threshold_bytes", "a positive integer")
        return value

    def config(self) -> dict[str, Any]:
        value = self._document.get("config")
        return {} if value is None else dict(_mapping(value, "config"))


def _mapping(value: object, key: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _wrong(key, "an object")
    return cast("Mapping[str, Any]", value)


def _text_or_none(value: object, key: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _wrong(key, "a string")
    return value


def _wrong(key: str, wanted: str) -> ValueError:
    subject = f"external payload storage policy {key}".rstrip()
    return ValueError(f"{subject} must be {wanted}")
