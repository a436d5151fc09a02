"""What a store says when it cannot do what it was asked.

::

    StoreError
    ├── StoreUnavailable      a unit could not be committed, now; it may work later
    │   └── StoreOverloaded   too many units wait already
    ├── StoreLocked           another server process has the database
    ├── StoreUnusable         the database is damaged, foreign, or of a kind that cannot be served
    ├── ConstraintViolated    a statement broke a rule of the schema
    └── StatementMisused      a statement's name or parameters are wrong: a mistake in our code
"""

from __future__ import annotations


class StoreError(Exception):
    """Something went wrong in the store."""


class StoreUnavailable(StoreError):
    """The unit of work could not be committed, and nothing of it has happened."""


class StoreOverloaded(StoreUnavailable):
    """More units wait than the store accepts; this one was not begun."""


class StoreLocked(StoreError):
    """Another process serves this database."""


class StoreUnusable(StoreError):
    """The database cannot be opened: it is damaged, or it is not one of ours."""


class ConstraintViolated(StoreError):
    """A statement would have broken a uniqueness or reference rule of the schema."""


class StatementMisused(StoreError):
    """No statement has this name, or its parameters are not those given."""
