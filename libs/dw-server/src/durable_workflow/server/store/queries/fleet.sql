-- live_workers: the workers of a namespace that have not been silent for too long.
SELECT worker_id, task_queue, build_id, seen_at, due_at
FROM workers
WHERE namespace = :namespace AND due_at > :now
ORDER BY worker_id;
