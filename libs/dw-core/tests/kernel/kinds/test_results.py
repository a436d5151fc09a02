"""What a workflow gets of a recorded result."""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from typing import Any

import pytest

from durable_workflow import serializer, workflow


class Once:
    def run(self, ctx: Any) -> Any:
        return (yield ctx.schedule_activity("a", []))


def returned(workflow_cls: type, history: Any) -> Any:
    (command,) = workflow.replay(workflow_cls, history, [], payload_codec="avro").commands
    assert isinstance(command, workflow.CompleteWorkflow), command
    return command.result


@pytest.mark.parametrize("value", [5, 1.5, True, False, [], [1, "a"], {}, {"a": 1}, {"codec": "x"}])
@pytest.mark.parametrize("codec", ["avro", "json", None])
def test_plain_json_is_the_result_itself(recorded: Any, value: Any, codec: Any) -> None:
    history = recorded().add("ActivityCompleted", sequence=1, result=value, payload_codec=codec)
    assert returned(Once, history) == value


@pytest.mark.parametrize(
    ("value", "decoded"),
    [
        (serializer.envelope([1]), [1]),
        (serializer.encode("text"), "text"),
        ({"codec": "json", "blob": "7"}, 7),
        (None, None),
    ],
)
def test_blobs_and_envelopes_are_decoded(recorded: Any, value: Any, decoded: Any) -> None:
    history = recorded().add("ActivityCompleted", sequence=1, result=value, payload_codec="avro")
    assert returned(Once, history) == decoded


def test_code_cannot_change_a_plain_result_in_history(recorded: Any) -> None:
    class Changing:
        def run(self, ctx: Any) -> Any:
            result = yield ctx.schedule_activity("a", [])
            result["items"].append(len(result["items"]))
            return result

    plain = {"items": [0]}
    history = recorded().add("ActivityCompleted", sequence=1, result=plain)
    assert returned(Changing, history) == {"items": [0, 1]}
    assert returned(Changing, history) == {"items": [0, 1]}
    assert plain == {"items": [0]}


def test_plain_json_may_be_nested_as_deeply_as_a_payload(recorded: Any) -> None:
    value: Any = []
    for _ in range(600):
        value = [value]
    history = recorded().add("ActivityCompleted", sequence=1, result=value)
    result = returned(Once, history)
    for _ in range(600):
        [result] = result
    assert result == []
