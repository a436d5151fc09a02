import pytest

from durable_workflow._wire.identifiers import identifier
from durable_workflow.errors import InvalidArgument


def test_space_around_an_id_is_dropped_and_space_inside_is_kept() -> None:
    assert identifier("workflow_id", " a b\n") == "a b"


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_a_blank_id_is_refused_by_name(blank: str) -> None:
    with pytest.raises(ValueError, match=r"^task_queue must not be blank$"):
        identifier("task_queue", blank)
    # As the answer of a server is that was sent it.
    with pytest.raises(InvalidArgument) as refused:
        identifier("task_queue", blank)
    assert refused.value.errors == {"task_queue": ["The task_queue argument must not be blank."]}
    assert refused.value.status is None


@pytest.mark.parametrize("value", [None, 7, b"a"])
def test_what_is_no_string_is_refused_by_name(value: object) -> None:
    with pytest.raises(TypeError, match=r"^task_queue must be a string, not of type "):
        identifier("task_queue", value)
