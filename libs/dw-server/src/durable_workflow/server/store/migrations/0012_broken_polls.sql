-- A worker whose held request broke is looked at soon, and missed at `next_due_at`.

ALTER TABLE workers ADD COLUMN next_due_at BIGINT;
