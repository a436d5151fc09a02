-- search_attribute_types: the registered attributes of a namespace, by name.
SELECT name, type
FROM search_attributes
WHERE namespace = :namespace
ORDER BY name;

-- insert_search_attribute: a new definition.
INSERT INTO search_attributes (namespace, name, type, created_at)
VALUES (:namespace, :name, :type, :created_at);

-- delete_search_attribute: an attribute is not registered any more.
DELETE FROM search_attributes WHERE namespace = :namespace AND name = :name;

-- insert_run_attribute: a value that a run is found by.
INSERT INTO run_attributes (
    run_id, name, position, namespace, started_at, kind, text_value, number_value
)
VALUES (
    :run_id, :name, :position, :namespace, :started_at, :kind, :text_value, :number_value
);

-- delete_run_attributes: a run is found by no attribute.
DELETE FROM run_attributes WHERE run_id = :run_id;
