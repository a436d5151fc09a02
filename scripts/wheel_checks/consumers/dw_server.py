"""What a program that brings its own server may do with dw-server."""

from pathlib import Path
from typing import assert_type

from durable_workflow.server import embedded_server


async def serve(db: Path) -> None:
    async with embedded_server(db=db, token="secret") as url:
        assert_type(url, str)
