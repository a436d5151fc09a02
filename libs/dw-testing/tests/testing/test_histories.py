"""Histories from elsewhere, and what is no history."""

from pathlib import Path
from typing import Any, cast

import pytest

from durable_workflow.testing import replay_history, replay_history_file


class Anything:
    def run(self, ctx: Any) -> str:
        return "done"


def test_a_mapping_is_no_list_of_events() -> None:
    with pytest.raises(TypeError, match="list of events"):
        replay_history(Anything, cast("Any", {"events": []}))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "not a JSON file"),
        ("{}", "neither a list of events nor an object"),
        ('"events"', "neither a list of events nor an object"),
        ("[1]", "event 0 is not an object"),
        ("[" * 100_000, "not a JSON file"),
    ],
)
def test_a_file_that_holds_no_history_is_named(tmp_path: Path, text: str, what: str) -> None:
    path = tmp_path / "history.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=what) as caught:
        replay_history_file(Anything, path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        replay_history_file(Anything, tmp_path / "nowhere.json")
