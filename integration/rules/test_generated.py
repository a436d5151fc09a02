"""Generated files are what their generators write."""

import subprocess
import sys
from pathlib import Path


def test_the_blocking_client_is_generated_from_the_async_one(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, root / "scripts/generate_sync.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"run scripts/gen_sync:\n{done.stderr}"
