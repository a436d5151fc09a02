-- {child_link_columns}: the columns of a step that is a child workflow.
    link_id, run_id, sequence, child_workflow_id, child_run_id, child_run_number, child_type,
    parent_close_policy, policy, execution_timeout_seconds, run_timeout_seconds, attempts,
    status;

-- insert_child_link: a step that is a child workflow.
INSERT INTO child_links ({child_link_columns})
VALUES ({:child_link_columns});

-- save_child_link: which run the child is at, and how the step stands.
UPDATE child_links
SET
    child_run_id = :child_run_id, child_run_number = :child_run_number, child_type = :child_type,
    attempts = :attempts, status = :status
WHERE link_id = :link_id;

-- child_link: one step that is a child workflow.
SELECT {child_link_columns}
FROM child_links
WHERE link_id = :link_id;

-- open_child_links: the children of a run that have no outcome, in order.
SELECT {child_link_columns}
FROM child_links
WHERE run_id = :run_id AND status = 'pending'
ORDER BY sequence;
