-- fleet: the workers of a namespace, live or not.
SELECT worker_id, task_queue, build_id, seen_at, heartbeat_interval
FROM workers
WHERE namespace = :namespace
ORDER BY worker_id;

-- workers_of_namespace: the workers of a namespace, those that were heard last first.
SELECT {worker_columns}
FROM workers
WHERE namespace = :namespace AND (:task_queue = '' OR task_queue = :task_queue)
ORDER BY seen_at DESC, worker_id, session;

-- task_queues_of_namespace: the queues that have a registered worker or an open task.
SELECT task_queue FROM workers WHERE namespace = :namespace
UNION
SELECT task_queue FROM runs
WHERE namespace = :namespace AND task_status = 'ready'
UNION
SELECT task_queue FROM runs
WHERE {leased_in_namespace}
UNION
SELECT task_queue FROM activities
WHERE namespace = :namespace AND task_status = 'ready'
UNION
SELECT task_queue FROM activities
WHERE {leased_in_namespace}
ORDER BY task_queue;

-- deregister_session: an operator has taken this session out.
INSERT INTO deregistered_workers (namespace, worker_id, session, deregistered_at)
VALUES (:namespace, :worker_id, :session, :deregistered_at)
ON CONFLICT (namespace, worker_id, session) DO UPDATE
SET deregistered_at = excluded.deregistered_at;

-- deregistered_sessions: the sessions under a worker id that an operator has taken out.
SELECT session
FROM deregistered_workers
WHERE namespace = :namespace AND worker_id = :worker_id;

-- forget_deregistered: sessions that were taken out before :before are gone for good.
DELETE FROM deregistered_workers
WHERE namespace = :namespace AND deregistered_at < :before;

-- admit_session: this session is taken out no more.
DELETE FROM deregistered_workers
WHERE namespace = :namespace AND worker_id = :worker_id AND session = :session;

-- delete_deregistered_of_namespace: nobody was taken out there.
DELETE FROM deregistered_workers WHERE namespace = :namespace;

-- forget_missed_workers: workers that were missed, and not heard since :before, are gone for good.
DELETE FROM workers
WHERE namespace = :namespace AND due_at IS NULL AND seen_at < :before;
