"""A small server and worker in one: workflow code is run against mocks, in simulated time.

Each run has a history of the same events that the server writes, and a replay machine that is fed
with them. Nothing here waits: when no run has work, time jumps to the next thing that is due.
"""
