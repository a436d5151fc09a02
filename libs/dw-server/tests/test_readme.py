"""What the page of the wheel says of its code."""

import re
from pathlib import Path

from durable_workflow import server

PAGE = Path(__file__).parents[1] / "README.md"


def test_the_page_names_each_folder_of_the_server() -> None:
    section = PAGE.read_text().partition("## Layers")[2].partition("##")[0]
    named = set(re.findall(r"`(\w+)/`", section))
    root = Path(server.__path__[0])
    assert named == {path.parent.name for path in root.glob("*/__init__.py")}
