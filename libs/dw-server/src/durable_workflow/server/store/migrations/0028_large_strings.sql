-- Large strings of a run, nearly all of them payloads. What a step is called with, what it returns and
-- what the run does stand in several rows, which refer to the one string that is kept here.

-- `string` is JSON, with its quotes.
CREATE TABLE large_strings (
    run_id TEXT NOT NULL,
    digest {bytes} NOT NULL,
    string {bytes} NOT NULL,
    PRIMARY KEY (run_id, digest)
);
