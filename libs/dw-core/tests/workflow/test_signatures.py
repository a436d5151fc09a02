"""The union of the commands, and the name that another wheel has. See also integration/surface."""

# pyright: reportPrivateUsage=false, reportUnknownLambdaType=false, reportUnknownMemberType=false
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

import typing
from importlib.util import find_spec
from typing import Any

import pytest

from durable_workflow import workflow


@pytest.fixture(scope="module")
def signatures(published: dict[str, Any]) -> Any:
    return published["durable_workflow.workflow"]


def test_command_is_the_union_of_the_commands(signatures: Any) -> None:
    members = {member.__name__ for member in typing.get_args(workflow.Command)}
    assert members == {
        part.rsplit(".", 1)[1] for part in signatures["Command"]["value"].split(" | ")
    }


def test_replayer_is_another_wheels() -> None:
    if find_spec("durable_workflow._replayer") is None:
        with pytest.raises(ImportError, match="dw-replay"):
            workflow.Replayer  # noqa: B018
    else:
        assert workflow.Replayer.__name__ == "Replayer"
    with pytest.raises(AttributeError):
        workflow.nothing  # noqa: B018
