-- Archived runs are few, and are counted.

CREATE INDEX runs_archived ON runs (namespace) WHERE archived_at IS NOT NULL;
