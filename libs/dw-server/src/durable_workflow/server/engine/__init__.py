"""The rules of the server, without I/O: state and a request in, a `Decision` out.

Nothing here reads a clock, draws an id by itself, logs, or touches a database: the time is a
parameter, ids come from a callable, and what is to be written is listed in the decision. The
services load what a rule needs, call it, and save what it decided.
"""
