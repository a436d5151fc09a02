"""The examples do what they show, run as their readers run them."""

import json
import os
import subprocess
import sys
from pathlib import Path

from order_processing.orders import expected_result, make_order

ROOT = Path(__file__).resolve().parents[2]


def output_of(*arguments: str, cwd: Path) -> list[str]:
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_quickstart_greets_the_world(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    printed = output_of(str(ROOT / "examples/quickstart.py"), str(state), cwd=tmp_path)
    assert printed == ['{"greeting": "Hello, world!", "length": 5}']
    assert state.stat().st_size > 0


def test_orders_end_as_their_input_says(tmp_path: Path) -> None:
    state = str(tmp_path / "state.db")
    printed = output_of(
        "-m", "order_processing", "--db", state, "--orders", "4", cwd=ROOT / "examples"
    )
    results = sorted((json.loads(line) for line in printed), key=lambda result: result["order_id"])
    assert results == [expected_result(make_order(number)) for number in range(1, 5)]
