"""The programs of the comparison on Restate, served in an environment of its own.

Nothing here imports it. A step is a durable one (`ctx.run`), which is what an activity is to us; it
runs in the process of its workflow.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

restate: Any = import_module("restate")

service = restate.Service("programs")


async def echo(value: Any) -> Any:
    """The activity."""
    return value


async def one_activity(ctx: Any, value: Any) -> Any:
    """One step."""
    return await ctx.run_typed("echo", echo, value=value)


async def sequence(ctx: Any, count: int) -> int:
    """Many steps, one after the other."""
    for number in range(count):
        await ctx.run_typed("echo", echo, value=number)
    return count


async def fan(ctx: Any, width: int) -> int:
    """Many steps at once."""
    steps = [ctx.run_typed("echo", echo, value=number) for number in range(width)]
    return len(await restate.gather(*steps))


for program in (one_activity, sequence, fan):
    service.handler()(program)

app = restate.app(services=[service])
