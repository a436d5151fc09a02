-- insert_large_string: a string that rows of a run refer to from now on.
INSERT INTO large_strings (run_id, digest, string)
VALUES (:run_id, :digest, :string);

-- has_large_string: whether the run has it already. One row or none.
SELECT digest FROM large_strings WHERE run_id = :run_id AND digest = :digest;

-- large_string: one that a row refers to.
SELECT string FROM large_strings WHERE run_id = :run_id AND digest = :digest;
