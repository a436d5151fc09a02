-- set_aside: an item that could not be handled rests.
INSERT INTO set_aside (source, item, run_id, failures, error, until)
VALUES (:source, :item, :run_id, :failures, :error, :until)
ON CONFLICT (source, item) DO UPDATE
SET failures = excluded.failures, error = excluded.error, until = excluded.until;

-- set_aside_failures: how often an item could not be handled.
SELECT failures FROM set_aside WHERE source = :source AND item = :item;

-- set_aside_until: how long an item rests.
SELECT until FROM set_aside WHERE source = :source AND item = :item;

-- set_aside_of_run: what of a run is set aside, the next to be tried first.
SELECT source, failures, error, until
FROM set_aside
WHERE run_id = :run_id
ORDER BY until, source, item;

-- end_rest_of_run: what of a run is set aside is due now.
UPDATE set_aside SET until = :now WHERE run_id = :run_id AND until > :now;

-- rested: how many items were to be tried again by now.
SELECT count(*) FROM set_aside WHERE until <= :now;

-- delete_rested: all that was to be tried again by now, and was.
DELETE FROM set_aside WHERE until <= :now;
