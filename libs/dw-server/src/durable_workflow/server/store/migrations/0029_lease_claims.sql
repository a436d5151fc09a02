-- The claim of a lease whose task may have left before its commit: reports name it.

ALTER TABLE runs ADD COLUMN lease_claim TEXT;
