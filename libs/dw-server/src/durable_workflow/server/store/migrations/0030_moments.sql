-- Texts that are dates or times are found as moments too, whenever their attribute is registered:
-- a row of the kind d, whose number is microseconds since 1970 UTC.

{begin sqlite}
DELETE FROM run_attributes WHERE kind = 'd';

-- Those of registered attributes have six digits of a second; SQLite reads three of others.
INSERT INTO run_attributes (
    run_id, name, position, namespace, started_at, kind, text_value, number_value
)
SELECT
    run_id, name, position + 1000000, namespace, started_at, 'd', NULL,
    CASE
        WHEN text_value GLOB '*T??:??:??.[0-9][0-9][0-9][0-9][0-9][0-9]Z'
            THEN unixepoch(text_value) * 1000000 + CAST(substr(text_value, -7, 6) AS INTEGER)
        ELSE CAST(round(unixepoch(text_value, 'subsec') * 1000) AS INTEGER) * 1000
    END
FROM run_attributes
WHERE
    kind = 's' AND text_value >= '0001'
    AND text_value GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
    AND unixepoch(text_value) IS NOT NULL;
{end sqlite}
