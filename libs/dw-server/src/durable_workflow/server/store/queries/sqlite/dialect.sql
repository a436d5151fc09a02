-- {lock}: all units have one connection, one after the other.
-- Every row is theirs already;

-- {skip}: likewise.
-- Every row is theirs already;

-- {listed_types}: the members of :types, a JSON list of texts.
SELECT value FROM json_each(:types);

-- {leased_in_namespace}: what is leased, whatever its queue. The namespace is said so that no index
-- of it fits: of all the runs there are, few are leased, and the index of those finds them.
    namespace || '' = :namespace AND task_status = 'leased';

-- {listed_busy}: the members of :busy, a JSON list of texts.
SELECT value FROM json_each(:busy);

-- {listed_run_ids}: the members of :run_ids, a JSON list of texts.
SELECT value FROM json_each(:run_ids);

-- {free_pages}: how many pages of the file hold nothing.
PRAGMA freelist_count;

-- {release_pages}: give some pages that hold nothing back to the system.
PRAGMA incremental_vacuum(64);

-- {listed_execution_ids}: the members of :execution_ids, a JSON list of texts.
SELECT value FROM json_each(:execution_ids);
