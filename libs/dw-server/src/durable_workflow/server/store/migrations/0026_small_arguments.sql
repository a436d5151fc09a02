-- Small arguments of an activity are kept in its row: a row of their own takes more than they do.

ALTER TABLE activities ADD COLUMN arguments TEXT;
