"""Histories that are parsed event by event, and texts that cannot be."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from durable_workflow.replay_check._history_text import HistoryText, NotSequential
from durable_workflow.replay_check._opening import open_history

EVENTS: list[Any] = [
    {"event_type": "A", "payload": {"text": '],}"é'}},
    {"event_type": "B"},
    {"n": [1, {}]},
]

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(
    events=st.lists(json_values, max_size=5),
    before=st.dictionaries(st.text(max_size=3), json_values, max_size=3),
    behind=st.dictionaries(st.text(max_size=3), json_values, max_size=3),
    indent=st.sampled_from([None, 1]),
    spaces=st.sampled_from(["", " ", "\n\t "]),
)
def test_the_events_and_what_stands_beside_them_are_those_of_the_whole(
    events: list[Any], before: dict[str, Any], behind: dict[str, Any], indent: Any, spaces: str
) -> None:
    document = {f"a{key}": value for key, value in before.items()} | {"events": events}
    document |= {f"z{key}": value for key, value in behind.items()}
    text = spaces + json.dumps(document, indent=indent) + spaces
    for history in (HistoryText(text), open_history(text.encode())):
        assert list(history.events()) == events
        assert history.document == {key: document[key] for key in document if key != "events"}


@given(events=st.lists(json_values, max_size=5), indent=st.sampled_from([None, 2]))
def test_a_list_is_one_of_events(events: list[Any], indent: Any) -> None:
    text = json.dumps(events, indent=indent)
    for history in (HistoryText(text), open_history(text.encode())):
        assert list(history.events()) == events
        assert history.document == {}


@pytest.mark.parametrize("key", ["history_events", "history"])
def test_the_events_may_have_each_of_their_names(key: str) -> None:
    text = json.dumps({key: EVENTS})
    assert list(HistoryText(text).events()) == EVENTS
    assert list(open_history(text.encode()).events()) == EVENTS


@pytest.mark.parametrize(
    "text", ["", "7", "{}", '{"a": 1}', '{"events": {}}', '{"events": null}', '{"a" 1}', "{1: 2}"]
)
def test_what_has_no_events_is_refused_at_once(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        HistoryText(text)


@pytest.mark.parametrize(
    "member", ["input", "run_id", "workflow", "workflow_type", "payloads", "history_events"]
)
def test_what_must_be_known_before_the_code_runs_may_not_come_behind(member: str) -> None:
    history = HistoryText(json.dumps({"events": EVENTS, member: []}))
    with pytest.raises(NotSequential, match=f"'{member}' stands behind the events"):
        list(history.events())


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_text_that_was_cut_is_an_error(cut: int) -> None:
    text = json.dumps({"events": EVENTS, "next_page_token": None})
    with pytest.raises(ValueError, match=r"."):
        list(HistoryText(text[:-cut]).events())


@pytest.mark.parametrize("tail", ["x", "]", "{}", ","])
def test_text_behind_the_end_is_an_error(tail: str) -> None:
    documents: list[Any] = [EVENTS, {"events": EVENTS}]
    for document in documents:
        with pytest.raises(ValueError, match=r"."):
            list(HistoryText(json.dumps(document) + tail).events())
