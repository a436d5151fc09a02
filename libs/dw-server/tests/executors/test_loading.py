"""Reading the file, its overlays, and what cluster info says of both."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from durable_workflow.server.executors import NOT_CONFIGURED, load

SCHEMA = "durable-workflow.external-executor.config"
Written = Callable[[Any], str]


def codes(path: str, overlay: str | None = None) -> list[str]:
    return [problem.code for problem in load(path, overlay).problems]


def test_without_a_path_nothing_is_configured() -> None:
    assert load(None, "staging") is NOT_CONFIGURED
    assert NOT_CONFIGURED.runtime() == {
        "configured": False,
        "status": "not_configured",
        "source": None,
        "overlay": None,
        "summary": {"carrier_count": 0, "mapping_count": 0, "mapping_kinds": []},
        "errors": [],
    }


def test_a_valid_file_is_told_by_its_name_and_never_by_its_folders(
    document: dict[str, Any], written: Written
) -> None:
    path = written(document)
    assert load(path, "nothing").runtime() == {
        "configured": True,
        "status": "valid",
        "source": {
            "type": "file",
            "basename": "executors.json",
            "sha256": hashlib.sha256(path.encode()).hexdigest(),
        },
        "overlay": "nothing",
        "summary": {"carrier_count": 2, "mapping_count": 1, "mapping_kinds": ["activity"]},
        "errors": [],
    }


def test_an_invalid_file_is_not_used(document: dict[str, Any], written: Written) -> None:
    document["mappings"].append(document["mappings"][0])
    executors = load(written(document))
    runtime = executors.runtime()
    assert (runtime["configured"], runtime["status"]) == (True, "invalid")
    assert runtime["errors"] == [
        {
            "code": "duplicate_mapping_name",
            "message": "more than one mapping is called 'charge'",
            "context": {"mapping": "charge"},
        }
    ]
    assert runtime["summary"]["mapping_count"] == 0
    assert executors.of_activity("billing", "billing.charge-card") is None
    (warning,) = executors.warnings()
    assert "executors.json is not used: more than one mapping is called 'charge'" in warning


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "invalid_json"),
        (b"{", "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b"[]", "invalid_schema"),
        ({"schema": "other", "version": 1}, "invalid_schema"),
        ({"schema": SCHEMA}, "unsupported_version"),
        ({"schema": SCHEMA, "version": 2}, "unsupported_version"),
        ({"schema": SCHEMA, "version": True}, "unsupported_version"),
    ],
)  # fmt: skip
def test_content_that_is_no_configuration(content: Any, code: str, written: Written) -> None:
    assert codes(written(content)) == [code]


def test_a_byte_order_mark_is_passed_by(document: dict[str, Any], written: Written) -> None:
    path = written(document)
    Path(path).write_bytes(b"\xef\xbb\xbf" + Path(path).read_bytes())
    assert codes(path) == []


def test_what_is_nested_without_end_is_refused(document: dict[str, Any], written: Written) -> None:
    deep: Any = 1
    for _ in range(100):
        deep = [deep]
    document["mappings"][0]["metadata"] = deep
    assert codes(written(document)) == ["invalid_schema"]


def test_a_path_that_cannot_be_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path / "none.json", tmp_path, pipe, "nu\0ll"):
        assert codes(str(path)) == ["unreadable_config"]
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(5 * 1024 * 1024)
    assert codes(str(large)) == ["unreadable_config"]


def test_an_overlay_merges_defaults_and_carriers_and_replaces_mappings(
    document: dict[str, Any], written: Written
) -> None:
    path = written(document)
    staged = load(path, "staging").of_activity("billing", "billing.charge-card")
    assert staged is not None
    found = staged.document("t", "a")
    assert found["auth_ref"] == "other"
    assert found["carrier"]["target"]["url"] == "https://staging.example/run"
    assert found["dispatch"]["transport_retry_policy"]["max_attempts"] == 2

    moved = load(path, "moved")
    assert moved.of_activity("billing", "billing.charge-card") is None
    assert moved.of_activity("shipping", "ship") is not None


@pytest.mark.parametrize(
    ("overlays", "code"),
    [
        ({}, "unknown_overlay"),
        ([], "invalid_schema"),
        ({"x": []}, "invalid_schema"),
        ({"x": {"defaults": 1}}, "invalid_schema"),
        ({"x": {"carriers": {"lambda": 1}}}, "invalid_schema"),
        ({"x": {"mappings": []}}, "invalid_schema"),
        ({"x": {"carriers": {"lambda": {"url": "ftp://x"}}}}, "invalid_carrier_target"),
    ],
)
def test_overlays_that_do_not_fit(
    overlays: Any, code: str, document: dict[str, Any], written: Written
) -> None:
    document["overlays"] = overlays
    assert code in codes(written(document), "x")
