"""`examples/README.md` lists every example, and each has its README."""

import re

from integration.examples.readmes import EXAMPLES


def test_the_index_lists_every_example_and_nothing_else() -> None:
    listed = re.findall(r"^\| \[[\w.]+\]\(([\w./]+)\)", (EXAMPLES / "README.md").read_text(), re.M)
    folders = [path.parent.name for path in EXAMPLES.glob("*/__init__.py")]
    programs = [path.name for path in EXAMPLES.glob("*.py")]
    assert sorted(listed) == sorted([*programs, *(f"{folder}/README.md" for folder in folders)])
    assert [path for path in listed if not (EXAMPLES / path).is_file()] == []
