-- {lock}: all units have one connection, one after the other.
-- Every row is theirs already;

-- {skip}: likewise.
-- Every row is theirs already;

-- {listed_types}: the members of :types, a JSON list of texts.
SELECT value FROM json_each(:types);
