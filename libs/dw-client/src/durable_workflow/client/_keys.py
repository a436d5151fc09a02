"""Keys by which a server finds the repetitions of a request."""

import os

from durable_workflow._wire.headers import IDEMPOTENCY_KEY


def new_key() -> dict[str, str]:
    """The header of a request whose answer is repeated: it is carried out once."""
    return {IDEMPOTENCY_KEY: os.urandom(16).hex()}
