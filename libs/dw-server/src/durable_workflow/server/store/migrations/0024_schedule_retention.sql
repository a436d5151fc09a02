-- Histories of schedules that are too old, and answers that may have to be repeated.

CREATE INDEX schedule_events_by_age ON schedule_events (namespace, recorded_at);
CREATE INDEX schedules_deleted ON schedules (namespace, deleted_at) WHERE status = 'deleted';

-- The answer to a request that came with an idempotency key.
CREATE TABLE kept_answers (
    namespace TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    answer TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (namespace, idempotency_key)
);
CREATE INDEX kept_answers_by_age ON kept_answers (created_at);
