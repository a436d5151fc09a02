"""What a program that brings its own server may do with dw-server."""

import asyncio
from pathlib import Path
from typing import assert_type

from durable_workflow.server import embedded_server


async def serve(db: Path) -> None:
    async with embedded_server(db=db, token="secret") as url:
        assert_type(url, str)


async def main() -> None:
    async with embedded_server(db=":memory:", token="secret") as url:
        assert url.startswith("http://127.0.0.1:")


if __name__ == "__main__":
    asyncio.run(main())
