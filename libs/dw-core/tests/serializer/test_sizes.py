import logging
from typing import Any

import pytest

from durable_workflow import serializer
from durable_workflow.serializer import (
    DEFAULT_PAYLOAD_SIZE_WARNING,
    PayloadSizeWarningConfig,
    PayloadSizeWarningContext,
)

SMALL = PayloadSizeWarningConfig(limit_bytes=10, threshold_percent=50)


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.DEBUG, logger="durable_workflow.serializer")

    def details() -> list[dict[str, object]]:
        return [vars(record)["durable_workflow_payload"] for record in caplog.records]

    return details


def test_a_warning_comes_at_four_fifths_of_the_limit() -> None:
    assert PayloadSizeWarningConfig(2_097_152, 80) == DEFAULT_PAYLOAD_SIZE_WARNING
    assert DEFAULT_PAYLOAD_SIZE_WARNING.threshold_bytes == 1_677_721
    assert PayloadSizeWarningConfig(1, 1).threshold_bytes == 1


@pytest.mark.parametrize(("limit", "percent"), [(0, 80), (-1, 80), (10, 0), (10, 101)])
def test_bad_settings(limit: Any, percent: Any) -> None:
    with pytest.raises(ValueError, match="must be"):
        PayloadSizeWarningConfig(limit, percent)


def test_a_payload_at_the_threshold_is_logged_once_with_what_it_is(
    warnings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    context = PayloadSizeWarningContext("workflow_input", workflow_id="wf", task_queue="q")
    serializer.encode("12", "json", size_warning=SMALL, warning_context=context)  # 4 bytes
    assert warnings() == []
    serializer.encode("123", "json", size_warning=SMALL, warning_context=context)  # 5 bytes
    assert warnings() == [
        {
            "kind": "workflow_input",
            "workflow_id": "wf",
            "task_queue": "q",
            "codec": "json",
            "payload_size": 5,
            "threshold_bytes": 5,
            "limit_bytes": 10,
        }
    ]
    assert caplog.records[0].getMessage() == (
        "workflow_input of 5 bytes is near the limit of 10 bytes"
    )
    serializer.encode("123456789", "json", size_warning=SMALL, warning_context=context)
    assert caplog.records[1].getMessage() == (
        "workflow_input of 11 bytes is over the limit of 10 bytes"
    )
    assert caplog.records[0].levelno == logging.WARNING
    assert caplog.records[0].name == "durable_workflow.serializer"


def test_the_size_is_of_the_blob_in_utf8(warnings: Any) -> None:
    serializer.encode("éé", "json", size_warning=SMALL)
    serializer.encode(None, "avro", size_warning=SMALL)
    assert [(entry["codec"], entry["payload_size"]) for entry in warnings()] == [
        ("json", 6),
        ("avro", 12),
    ]


def test_without_settings_there_is_no_warning(warnings: Any) -> None:
    serializer.encode("1234567890", size_warning=None)
    serializer.encode_many(["1234567890"], size_warning=None)
    serializer.warn_if_json_payload_near_limit("1234567890", size_warning=None)
    assert warnings() == []


def test_a_context_may_be_a_mapping_or_missing(warnings: Any) -> None:
    context = {"kind": "signal", "signal_name": "approve", "run_id": None}
    serializer.encode("123", "json", size_warning=SMALL, warning_context=context)
    serializer.encode("123", "json", size_warning=SMALL)
    kinds = [(entry["kind"], entry.get("signal_name"), "run_id" in entry) for entry in warnings()]
    assert kinds == [("signal", "approve", False), ("payload", None, False)]


def test_a_batch_takes_one_context_for_all_or_one_for_each(warnings: Any) -> None:
    values = ["123", "456"]
    serializer.encode_many(values, "json", size_warning=SMALL, warning_context={"kind": "a"})
    each = [PayloadSizeWarningContext("b"), None]
    serializer.encode_many(values, "json", size_warning=SMALL, warning_context=each)
    assert [entry["kind"] for entry in warnings()] == ["a", "a", "b", "payload"]


def test_a_batch_refuses_another_number_of_contexts() -> None:
    with pytest.raises(ValueError, match="3 entries for 1 payloads"):
        serializer.encode_many([1], warning_context=[None] * 3)


def test_plain_json_is_measured_as_compact_text(warnings: Any) -> None:
    serializer.warn_if_json_payload_near_limit({"a": 1}, size_warning=SMALL)
    assert [(entry["codec"], entry["payload_size"]) for entry in warnings()] == [("json", 7)]
