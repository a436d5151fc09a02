-- The names of these tables in the words of the rest.

ALTER TABLE buffered_facts RENAME TO buffered_events;
ALTER TABLE withheld_outcomes RENAME TO held_results;
