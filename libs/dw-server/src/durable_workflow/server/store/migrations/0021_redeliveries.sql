-- How many leases of the current attempt of an activity ran out, and how many did in all.

ALTER TABLE activities ADD COLUMN redeliveries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE activities ADD COLUMN redelivered INTEGER NOT NULL DEFAULT 0;
