-- A queue gives its ready tasks out by priority, then to the fairness class that had least of late.

ALTER TABLE activities ADD COLUMN fairness_key TEXT;
ALTER TABLE activities ADD COLUMN fairness_weight INTEGER NOT NULL DEFAULT 1;

DROP INDEX IF EXISTS runs_ready;
CREATE INDEX runs_ready
ON runs (
    namespace, task_queue, priority, (coalesce(fairness_key, '')), task_available_at, task_id
)
WHERE task_status = 'ready';
DROP INDEX IF EXISTS activities_ready;
CREATE INDEX activities_ready
ON activities (
    namespace, task_queue, priority, (coalesce(fairness_key, '')), available_at, task_id
)
WHERE task_status = 'ready';

-- What a class of a queue was given, halved every 30 seconds since :counted_at. '' is the class of
-- runs without a key, which is counted only where others are.
CREATE TABLE fair_shares (
    namespace TEXT NOT NULL,
    task_queue TEXT NOT NULL,
    kind TEXT NOT NULL,
    class TEXT NOT NULL,
    dispatched REAL NOT NULL,
    counted_at BIGINT NOT NULL,
    PRIMARY KEY (namespace, task_queue, kind, class)
);
