-- What databases say differently. Here it stands as PostgreSQL has it; other dialects override it.

-- {lock}: the rows that are found are held until the unit ends, and waited for.
FOR UPDATE;

-- {skip}: the rows that are found are held until the unit ends; those held elsewhere are left out.
FOR UPDATE SKIP LOCKED;

-- {listed_types}: the members of :types, a JSON list of texts.
SELECT jsonb_array_elements_text(CAST(:types AS jsonb));

-- {leased_in_namespace}: what is leased, whatever its queue.
    namespace = :namespace AND task_status = 'leased';

-- {listed_busy}: the members of :busy, a JSON list of texts.
SELECT jsonb_array_elements_text(CAST(:busy AS jsonb));

-- {listed_run_ids}: the members of :run_ids, a JSON list of texts.
SELECT jsonb_array_elements_text(CAST(:run_ids AS jsonb));

-- {free_pages}: the database sees to its space itself.
SELECT 0;

-- {release_pages}: likewise.
SELECT 0;

-- {listed_execution_ids}: the members of :execution_ids, a JSON list of texts.
SELECT jsonb_array_elements_text(CAST(:execution_ids AS jsonb));
