"""What is wrong with requests about namespaces, storage and search attributes (6, 7, 9)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from integration.contract.tables.rows import ABSENT, Bad, Route

NOT_TEXT: list[Any] = [5, True, ["x"], {"a": 1}]
NOT_WHOLE: list[Any] = ["five", 1.5, True, [1]]
DEFAULT = "/api/namespaces/default"

ROUTES = [
    Route(
        "create namespace",
        "/api/namespaces",
        {"name": "never-made", "description": "d", "retention_days": 5},
        {
            "name": [ABSENT, "", "a/b", "a b", "ümlaut", "x" * 129, *NOT_TEXT],
            "description": ["x" * 1001, *NOT_TEXT],
            "retention_days": [0, 366, -1, *NOT_WHOLE],
        },
    ),
    Route(
        "update namespace",
        DEFAULT,
        {"description": "d", "retention_days": 5},
        {
            "description": ["x" * 1001, *NOT_TEXT],
            "retention_days": [0, 366, -1, *NOT_WHOLE],
        },
        method="PUT",
    ),
    Route(
        "set external storage",
        f"{DEFAULT}/external-storage",
        {"driver": "s3", "enabled": True, "threshold_bytes": 5, "config": {"bucket": "b"}},
        {
            "driver": [ABSENT, "", "ftp", *NOT_TEXT],
            "enabled": ["maybe", 2, [True]],
            "threshold_bytes": [0, -1, *NOT_WHOLE],
            "config": ["x", 5, [1]],
            "config.bucket": ["x" * 256, *NOT_TEXT],
            "config.prefix": ["x" * 1025, *NOT_TEXT],
            "config.uri": ["x" * 2049, *NOT_TEXT],
        },
        method="PUT",
    ),
    Route(
        "set a local folder",
        f"{DEFAULT}/external-storage",
        {"driver": "local", "config": {"uri": "a"}},
        {"config.uri": ["/etc", "../a", "a/../..", "file:///etc", "s3://a", "file://other/a"]},
        method="PUT",
    ),
    Route(
        "probe storage",
        "/api/storage/test",
        {"driver": "local", "small_payload_bytes": 5, "large_payload_bytes": 5},
        {
            "driver": ["ftp", *NOT_TEXT],
            "small_payload_bytes": [0, 1_048_577, *NOT_WHOLE],
            "large_payload_bytes": [0, 16_777_217, *NOT_WHOLE],
        },
    ),
    Route(
        "create search attribute",
        "/api/search-attributes",
        {"name": "NeverMade", "type": "int"},
        {
            "name": [ABSENT, "", "1a", "a-b", "a b", "Ü", "x" * 129, *NOT_TEXT],
            "type": [ABSENT, "", "integer", "Keyword", *NOT_TEXT],
        },
    ),
]


def tenancy_rows() -> Iterator[Bad]:
    """Yield every row of this module."""
    for route in ROUTES:
        yield from route.rows()
    yield from _namespaces()
    yield from _search_attributes()
    yield from _filters()
    yield Bad(
        name="probe without a policy",
        path="/api/storage/test",
        body={},
        status=422,
        reason="external_storage_not_configured",
        has={"status": "failed", "driver": None},
    )


def _namespaces() -> Iterator[Bad]:
    for method, path, body in [
        ("GET", "/api/namespaces/Nope", None),
        ("PUT", "/api/namespaces/Nope", {"retention_days": 5}),
        ("DELETE", "/api/namespaces/Nope", None),
        ("PUT", "/api/namespaces/Nope/external-storage", {"driver": "s3"}),
    ]:
        yield Bad(
            name=f"{method} {path}: no such namespace",
            method=method,
            path=path,
            body=body,
            status=404,
            reason="namespace_not_found",
            has={"namespace": "nope"},
        )
    yield Bad(
        name="a namespace that exists",
        path="/api/namespaces",
        body={"name": "DEFAULT"},
        status=409,
        reason="namespace_already_exists",
        has={"namespace": "default"},
    )
    yield Bad(
        name="the default namespace",
        method="DELETE",
        path=DEFAULT,
        status=409,
        reason="default_namespace_protected",
    )


def _search_attributes() -> Iterator[Bad]:
    yield Bad(
        name="a reserved name",
        path="/api/search-attributes",
        body={"name": "Status", "type": "keyword"},
        status=409,
        reason="name_reserved",
    )
    yield Bad(
        name="a system attribute",
        method="DELETE",
        path="/api/search-attributes/RunId",
        status=409,
        reason="system_attribute",
    )
    yield Bad(
        name="an attribute that nobody registered",
        method="DELETE",
        path="/api/search-attributes/Nope",
        status=404,
        reason="attribute_not_found",
    )


def _filters() -> Iterator[Bad]:
    for query, position in [
        ("Tier%20%3D%20gold", 8),
        ("Tier%20%3D", 7),
        ("Status%20%3D%20%27done%27", 10),
        ("%28Tier%20%3D%20%27a%27", 12),
        ("StartTime%20%3E%205", 13),
    ]:
        yield Bad(
            name=f"filter {query}",
            method="GET",
            path=f"/api/workflows?query={query}",
            status=422,
            reason="validation_failed",
            errors=("query",),
            has={"position": position},
        )
