"""Details of an activity's failure, as workflow code gets them."""

# pyright: reportUnknownVariableType=false, reportUnknownMemberType=false

from typing import Any

import pytest

from durable_workflow import serializer
from durable_workflow._kernel import Machine, Start
from durable_workflow.errors import ActivityFailed

BLOB = serializer.encode({"code": 51})


class Failing:
    def run(self, ctx: Any) -> Any:
        try:
            yield ctx.schedule_activity("a", [])
        except ActivityFailed as error:
            return [error.details, error.exception_payload]


def result_of(recorded: Any, exception: dict[str, Any]) -> Any:
    history = recorded().scheduled(1)
    history.add("ActivityFailed", sequence=1, activity_type="a", message="no", exception=exception)
    machine = Machine(Failing, Start(payload_codec="avro"))
    machine.feed(history)
    (end,) = machine.commands()
    return end.result  # type: ignore[union-attr] # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("exception", "details"),
    [
        ({}, None),
        ({"details": BLOB, "details_payload_codec": "avro"}, {"code": 51}),
        ({"details": '{"code":51}', "details_payload_codec": "json"}, {"code": 51}),
        ({"details": {"codec": "avro", "blob": BLOB}}, {"code": 51}),
        ({"details": {"code": 51}}, {"code": 51}),
        ({"details": "???", "details_payload_codec": "avro"}, None),
        ({"details": "O:8", "details_payload_codec": "workflow-serializer-y"}, None),
    ],
)
def test_details_are_decoded_where_the_codec_is_known(
    recorded: Any, exception: dict[str, Any], details: Any
) -> None:
    found, payload = result_of(recorded, exception)
    assert found == details
    assert (payload or {}).get("details") == exception.get("details")


def test_details_that_are_kept_elsewhere_need_their_store(recorded: Any) -> None:
    with pytest.raises(ValueError, match="requires an external storage driver"):
        result_of(recorded, {"details": {"codec": "avro", "external_storage": {}}})
