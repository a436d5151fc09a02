"""The programs of the README run."""

import asyncio
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

README = Path(__file__).parents[1] / "README.md"


def programs() -> list[str]:
    """Those that need no other wheel and no other program."""
    blocks = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    return [block for block in blocks if "dw_worker" not in block and "OrderWorkflow" not in block]


def test_the_programs_run() -> None:
    ran: list[str] = []
    for program in programs():
        names: dict[str, Any] = {"__name__": "readme"}
        exec(compile(program, str(README), "exec"), names)
        tests: dict[str, Callable[[], Any]] = {
            name: value for name, value in names.items() if name.startswith("test_")
        }
        for name, test in tests.items():
            result = test()
            if inspect.iscoroutine(result):
                asyncio.run(result)
            ran.append(name)
    assert len(ran) == 4, ran
