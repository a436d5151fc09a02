"""What the server does, one function per request: each is one unit of work over a transaction.

Functions take a `Tx` (or a `Read`, where nothing changes), then the `Caller` or the namespace, then
the request, then the `ServiceSettings`:

- ``namespaces``: ``ensure_default(tx, name)``, ``exists(read, name) -> bool``
- ``workflows``: ``start(tx, caller, request, settings) -> Reply``,
  ``describe(read, namespace, workflow_id, run_id=None) -> dict``,
  ``list_runs(read, namespace, workflow_id) -> dict``,
  ``list_workflows(read, namespace, request) -> dict``
- ``debugging``: ``debug(read, run, settings, pending_queries=…, preview=…) -> dict``
- ``task_queues``: ``describe(read, namespace, name, settings, pending_queries=…) -> dict``
- ``history``: ``await page(store, namespace, request) -> dict``, the one that takes the store: it
  reads in slices, so that a long history holds up nobody
- ``signals``: ``signal``, ``ends``: ``cancel``, ``terminate``, ``updates``: ``accept``
  ``(tx, caller, request, settings) -> Reply``;
  ``updates.read(read, namespace, update_id, request) -> Reply``
- ``workers``: ``register``, ``heartbeat`` ``(tx, namespace, request, settings) -> Reply``,
  ``poll_guard(tx, namespace, request, settings) -> Worker``
- ``workflow_tasks``: ``claim(tx, namespace, request, settings) -> dict | None`` (guard included),
  ``history_page(read, namespace, request, settings) -> dict``,
  ``complete``, ``fail``, ``heartbeat`` ``(tx, namespace, request, settings) -> Reply``,
  ``give_back(tx, namespace, task, settings)``, for a claimed task that reached nobody
- ``activity_tasks``: ``claim``, ``complete``, ``fail``, ``heartbeat``, ``give_back``, likewise
- ``due``: ``next_due(read) -> int | None``, ``run_due(tx, limit, settings) -> int``

A `Reply` may be a refusal too, because some are recorded and therefore must commit; refusals that
change nothing are raised as `Refused` or `Invalid`. Services know reasons, and carriers what number
each is on their wire.
"""
