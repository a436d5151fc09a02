-- How many tasks were given out in the calendar minute that a count is of, for each budget.

CREATE TABLE dispatch_counts (
    namespace TEXT NOT NULL,
    kind TEXT NOT NULL,
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    minute BIGINT NOT NULL,
    dispatched BIGINT NOT NULL,
    PRIMARY KEY (namespace, kind, scope, name)
);
