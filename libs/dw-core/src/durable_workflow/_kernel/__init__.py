"""The replay kernel: `(workflow class, start input, history) -> (commands, state)`.

Pure: no I/O, no clock, no randomness of its own, no locks. A `Machine` is fed with history and says
which commands the code yields next. Feeding a kept machine costs only the new events, and gives
what a machine rebuilt from the whole history would give, or says that it cannot (`stale`).
"""

from durable_workflow._kernel.execution import Start
from durable_workflow._kernel.machine import Machine

__all__ = ["Machine", "Start"]
