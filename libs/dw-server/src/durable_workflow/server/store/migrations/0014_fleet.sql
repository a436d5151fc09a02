-- Workers as operators see and steer them. A worker of a build that is drained gets no tasks.

ALTER TABLE workers ADD COLUMN draining INTEGER NOT NULL DEFAULT 0;

-- Sessions that an operator has taken out: they are refused. '' is that of workers that name none.
CREATE TABLE deregistered_workers (
    namespace TEXT NOT NULL,
    worker_id TEXT NOT NULL,
    session TEXT NOT NULL,
    deregistered_at BIGINT NOT NULL,
    PRIMARY KEY (namespace, worker_id, session)
);

-- What operators decided about the builds of a queue; '' is the build of workers that name none.
CREATE TABLE build_rollouts (
    namespace TEXT NOT NULL,
    task_queue TEXT NOT NULL,
    build_id TEXT NOT NULL,
    drained_at BIGINT,
    promoted_at BIGINT,
    rolled_back_at BIGINT,
    selected INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (namespace, task_queue, build_id)
);

-- What still needs a build: the open runs that are pinned to it.
CREATE INDEX runs_pinned ON runs (namespace, task_queue, compatibility)
WHERE closed_at IS NULL AND compatibility IS NOT NULL;
