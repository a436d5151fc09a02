-- Texts that are dates or times are found as moments too, whenever their attribute is registered:
-- a row of the kind d, whose number is microseconds since 1970 UTC.

{begin sqlite}
DELETE FROM run_attributes WHERE kind = 'd';

-- SQLite reads three digits of a second, so all that are there are added to the whole seconds. It
-- reads dates that are none, too: the 30th of February, and the hour 24.
INSERT INTO run_attributes (
    run_id, name, position, namespace, started_at, kind, text_value, number_value
)
SELECT
    run_id, name, position + 1000000, namespace, started_at, 'd', NULL,
    CASE
        WHEN substr(text_value, 20, 1) = '.'
            THEN
                unixepoch(substr(text_value, 1, 19) || ltrim(substr(text_value, 21), '0123456789'))
                * 1000000
                + CAST(round(CAST('0.' || substr(text_value, 21, 6) AS REAL) * 1000000) AS INTEGER)
        ELSE unixepoch(text_value) * 1000000
    END
FROM run_attributes
WHERE
    kind = 's' AND text_value >= '0001'
    AND text_value GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]*'
    AND date(substr(text_value, 1, 10)) = substr(text_value, 1, 10)
    AND substr(text_value, 12, 2) <> '24'
    AND unixepoch(text_value) IS NOT NULL;
{end sqlite}
