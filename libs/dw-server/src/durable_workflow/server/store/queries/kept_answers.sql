-- Answers that are repeated to requests that are sent again.

-- kept_answer: the answer to the request that came first under a key, and what request it was.
SELECT fingerprint, answer
FROM kept_answers
WHERE namespace = :namespace AND idempotency_key = :idempotency_key;

-- keep_answer: the answer to the first request under a key.
INSERT INTO kept_answers (namespace, idempotency_key, fingerprint, answer, created_at)
VALUES (:namespace, :idempotency_key, :fingerprint, :answer, :now);

-- delete_kept_answers: some from before :cutoff. A row for each.
DELETE FROM kept_answers
WHERE (namespace, idempotency_key) IN (
    SELECT namespace, idempotency_key FROM kept_answers WHERE created_at < :cutoff LIMIT :most
)
RETURNING 1;

-- delete_kept_answers_of_namespace: nobody asked anything there.
DELETE FROM kept_answers WHERE namespace = :namespace;
