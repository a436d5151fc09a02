-- Several events of a history in one row: those of a unit, and of a short run that closed all of them.

-- A row holds the events up to `sequence`, so many. Of several the type is empty.
ALTER TABLE history ADD COLUMN events INTEGER NOT NULL DEFAULT 1;

-- What was packed when its run closed. It is kept apart, so that the pages of `history`, whose rows go
-- then, are emptied.
CREATE TABLE closed_history (
    run_id TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    events INTEGER NOT NULL,
    record {bytes} NOT NULL,
    PRIMARY KEY (run_id, sequence)
);
