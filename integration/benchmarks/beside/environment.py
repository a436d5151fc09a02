"""An environment for Restate: its server from npm, its SDK from PyPI, in a folder of their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

SERVER: Final = "@restatedev/restate-server@1.7"
PACKAGES: Final = ("restate-sdk[serde]==1.3.*", "hypercorn==0.18.*")
FOLDER: Final = Path(__file__).parents[3] / ".venv-restate"


def make() -> tuple[Path, Path]:
    """Make it, unless it is there.

    Returns:
        The server's executable, and the interpreter that has the SDK.
    """
    server = FOLDER / "node_modules/.bin/restate-server"
    python = FOLDER / "bin/python"
    if not (FOLDER / "made").exists():
        if shutil.which("npm") is None:
            raise SystemExit("npm was not found: the server of Restate comes from there")
        print(f"making {FOLDER}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", *PACKAGES]
        subprocess.run(pip, check=True)
        npm = ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(FOLDER)]
        subprocess.run([*npm, SERVER], check=True)
        (FOLDER / "made").touch()
    return server, python
