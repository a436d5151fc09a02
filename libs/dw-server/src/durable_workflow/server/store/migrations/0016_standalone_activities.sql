-- What the starter of an activity calls its class.

ALTER TABLE activity_arguments ADD COLUMN activity_class TEXT;
