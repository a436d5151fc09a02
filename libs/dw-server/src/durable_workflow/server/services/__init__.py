"""What callers and time do to runs and workers, one function per command.

Each is one unit of work over a `Tx`: it locks what it decides on, loads it through `records`, asks
the engine, and writes down what was decided. Functions take the `Tx`, then the `Caller` or the
namespace, then the request, then the `ServiceSettings`, and answer with a `Reply`.

A `Reply` may be a refusal too, because some are recorded and therefore must commit; refusals that
change nothing are raised as `Refused` or `Invalid`. Services know reasons, and carriers what number
each is on their wire.
"""
