-- Updates have gone before ordinary work that is due: those that are accepted now wait for it.

ALTER TABLE runs ADD COLUMN updates_wait INTEGER NOT NULL DEFAULT 0;
