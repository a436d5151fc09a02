-- Finding runs by what they are and by their search attributes, newest first. An index ends in the
-- order of lists, so that the first page is read from its beginning.

CREATE INDEX runs_by_type ON runs (namespace, workflow_type, started_at, run_id);
CREATE INDEX runs_by_task_queue ON runs (namespace, task_queue, started_at, run_id);
CREATE INDEX runs_by_status ON runs (namespace, status, started_at, run_id);
CREATE INDEX runs_by_close ON runs (namespace, closed_at, started_at, run_id)
WHERE closed_at IS NOT NULL;
CREATE INDEX runs_by_build ON runs (namespace, compatibility, started_at, run_id)
WHERE compatibility IS NOT NULL;

-- Those that a worker holds: by the namespace too, or a plan might go by that alone.
DROP INDEX IF EXISTS runs_leased;
CREATE INDEX runs_leased ON runs (namespace, lease_owner) WHERE task_status = 'leased';
DROP INDEX IF EXISTS activities_leased;
CREATE INDEX activities_leased ON activities (namespace, lease_owner)
WHERE task_status = 'leased';

CREATE TABLE search_attributes (
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (namespace, name)
);

-- A row for each value of a run, and for each member of a list. `kind` is s for text, n for numbers
-- and b for truth values.
CREATE TABLE run_attributes (
    run_id TEXT NOT NULL,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    namespace TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    text_value TEXT,
    number_value NUMERIC,
    PRIMARY KEY (run_id, name, position)
);
CREATE INDEX run_attributes_by_text
ON run_attributes (namespace, name, text_value, started_at, run_id)
WHERE text_value IS NOT NULL;
CREATE INDEX run_attributes_by_number
ON run_attributes (namespace, name, kind, number_value, started_at, run_id)
WHERE number_value IS NOT NULL;

-- Of runs that are there already; a PostgreSQL database has none from before this step.
{begin sqlite}
INSERT INTO run_attributes (
    run_id, name, position, namespace, started_at, kind, text_value, number_value
)
SELECT
    r.run_id, a.key, 0, r.namespace, r.started_at,
    CASE a.type WHEN 'text' THEN 's' WHEN 'integer' THEN 'n' WHEN 'real' THEN 'n' ELSE 'b' END,
    CASE WHEN a.type = 'text' THEN a.value END,
    CASE WHEN a.type <> 'text' THEN a.value END
FROM run_details AS d
INNER JOIN runs AS r ON r.run_id = d.run_id,
    json_each(d.search_attributes) AS a
WHERE d.search_attributes <> '{}' AND a.type IN ('text', 'integer', 'real', 'true', 'false');

INSERT INTO run_attributes (
    run_id, name, position, namespace, started_at, kind, text_value, number_value
)
SELECT
    r.run_id, a.key, m.key, r.namespace, r.started_at,
    CASE m.type WHEN 'text' THEN 's' WHEN 'integer' THEN 'n' WHEN 'real' THEN 'n' ELSE 'b' END,
    CASE WHEN m.type = 'text' THEN m.value END,
    CASE WHEN m.type <> 'text' THEN m.value END
FROM run_details AS d
INNER JOIN runs AS r ON r.run_id = d.run_id,
    json_each(d.search_attributes) AS a,
    json_each(a.value) AS m
WHERE
    d.search_attributes <> '{}' AND a.type = 'array'
    AND m.type IN ('text', 'integer', 'real', 'true', 'false');
{end sqlite}
