-- Payloads that are kept elsewhere: who refers to each, and those that nobody refers to any more.

-- `holder` is a run, or a schedule by its `schedule_ulid`.
CREATE TABLE external_payloads (
    holder TEXT NOT NULL,
    uri TEXT NOT NULL,
    PRIMARY KEY (holder, uri)
);
CREATE INDEX external_payloads_by_uri ON external_payloads (uri);

-- To be deleted with the policy of the namespace that they were of, unless somebody refers to them
-- again by then. `holder` referred to it last.
CREATE TABLE released_payloads (
    uri TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    removed_from TEXT NOT NULL,
    policy TEXT NOT NULL
);
CREATE INDEX released_payloads_by_holder ON released_payloads (holder, uri);
