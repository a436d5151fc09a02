"""What a store says when it cannot do what it was asked.

::

    StoreError
    ├── StoreUnavailable      a unit could not be committed, now; it may work later
    │   └── StoreOverloaded   too many units wait already
    ├── SearchTooBroad        a search for runs has taken its time, and has no page yet
    ├── OutcomeUnknown        whether a unit was committed cannot be told
    ├── StoreLocked           another server process has the database
    ├── StoreUnusable         the database is damaged, foreign, or of a kind that cannot be served
    ├── RowMissing            a row refers to another one that is not there: the file is damaged
    ├── ConstraintViolated    a statement broke a rule of the schema
    └── StatementMisused      a statement's name or parameters are wrong: a mistake in our code

    Conflict                  ends an attempt of a unit, which the store then runs again
"""

from __future__ import annotations


class StoreError(Exception):
    """Something went wrong in the store."""


class StoreUnavailable(StoreError):
    """The unit of work could not be committed, and nothing of it has happened."""


class StoreOverloaded(StoreUnavailable):
    """More units wait than the store accepts; this one was not begun."""


class OutcomeUnknown(StoreError):
    """The answer to a commit was lost: the unit of work has happened as a whole, or not at all.

    A store raises this only where it cannot ask the database which of the two it is. So it is with
    SQLite's log when it could not be synced: reads do not find the unit, a crash may bring it back.
    """


class StoreLocked(StoreError):
    """Another process serves this database."""


class StoreUnusable(StoreError):
    """The database cannot be opened: it is damaged, or it is not one of ours."""


class RowMissing(StoreError):
    """A row refers to another one that is not there: the file is damaged.

    What needs it cannot be done; everything else can, so this does not say that the store fails.
    """


class ConstraintViolated(StoreError):
    """A statement would have broken a uniqueness or reference rule of the schema."""


class StatementMisused(StoreError):
    """No statement has this name, or it is run with other parameters or in another way."""


class Conflict(BaseException):
    """Another unit got in the way: the store takes this attempt back and runs the unit again.

    Not an `Exception`, so that a service which handles errors lets it pass.
    """


class SearchTooBroad(StoreError):
    """A search for runs found no page within its time: no index leads to what it asks for."""
