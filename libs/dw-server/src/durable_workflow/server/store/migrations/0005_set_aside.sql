-- What fell due and could not be handled: it rests until it is tried again, and all else goes on.

CREATE TABLE set_aside (
    source TEXT NOT NULL,
    item TEXT NOT NULL,
    run_id TEXT,
    failures INTEGER NOT NULL,
    error TEXT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (source, item)
);
CREATE INDEX set_aside_until ON set_aside (until);
CREATE INDEX set_aside_of_run ON set_aside (run_id) WHERE run_id IS NOT NULL;
