"""The rows of the store: a record for each table, one loader for each record.

Nothing else runs statements. A function here that is given a `Tx` and finds a run has it locked for
the unit; what belongs to a run is read and written under the run's lock.
"""
