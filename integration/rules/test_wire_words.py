"""What several wheels must agree on is spelled once, in `dw-core`'s `_wire`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from durable_workflow import errors
from durable_workflow._wire import names

WIRE = "libs/dw-core/src/durable_workflow/_wire/"


def sources(root: Path) -> Iterator[tuple[str, ast.Module]]:
    for file in sorted(root.glob("libs/*/src/**/*.py")):
        name = str(file.relative_to(root))
        if not name.startswith(WIRE):
            yield name, ast.parse(file.read_text())


def test_event_types_are_spelled_in_the_wire_words_alone(root: Path) -> None:
    # Some errors are called like the event that causes them: the names of classes are not meant.
    words = (set(names.EVENT_TYPES) | {names.SIGNAL_NOT_APPLIED}) - set(errors.__all__)
    assert len(words) > 40
    wrong = [
        f"{name}:{node.lineno} {node.value}"
        for name, tree in sources(root)
        # Scenarios of conformance are documents, which must not follow our own spelling.
        if "_conformance/" not in name
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and node.value in words
    ]
    assert not wrong, f"take them from _wire.names: {wrong}"


def test_a_json_object_has_one_name_of_its_type(root: Path) -> None:
    alias = re.compile(r"^(type )?_?Json\w*(: TypeAlias)? = dict\[str, Any\]$", re.MULTILINE)
    wrong = [
        str(file.relative_to(root))
        for file in sorted(root.glob("libs/*/src/**/*.py"))
        if alias.search(file.read_text())
    ]
    assert wrong == [f"{WIRE}json_values.py"]
