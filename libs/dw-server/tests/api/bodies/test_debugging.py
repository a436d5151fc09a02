from __future__ import annotations

import pytest

from durable_workflow.server.api.bodies.debugging import read_debug
from durable_workflow.server.refusals import Invalid


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, False),
        ({"include_last_event_payload": "true"}, True),
        ({"include_last_event_payload": "0"}, False),
    ],
)
def test_the_payload_is_wanted_only_where_somebody_says_so(
    query: dict[str, str], wanted: bool
) -> None:
    assert read_debug(query, {}) is wanted


def test_another_word_is_refused() -> None:
    with pytest.raises(Invalid):
        read_debug({"include_last_event_payload": "yes please"}, {})
