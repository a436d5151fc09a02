"""Login: none, by bearer token, or by signature (control-plane 2)."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final, Protocol

import msgspec

from durable_workflow.server.api.roles import ADMIN
from durable_workflow.server.refusals import Refused
from durable_workflow.server.settings import AuthDriver, AuthSettings

_LEGACY = "legacy"


class NotConfigured(Exception):
    """A login is wanted, and no secret is set that could be presented."""


class Principal(msgspec.Struct, frozen=True):
    """Who calls.

    Attributes:
        role: ``worker``, ``operator`` or ``admin``.
        full_access: Whether every route is open, whatever the role.
    """

    role: str
    subject: str
    method: AuthDriver
    full_access: bool = False

    def may(self, allowed: tuple[str, ...]) -> bool:
        """Whether a route for `allowed` is open to this caller."""
        return self.full_access or self.role in allowed


# Who calls what is open to everybody.
ANYONE: Final = Principal("", "anonymous", "none")


class Credentials(msgspec.Struct, frozen=True):
    """What a caller presents; a carrier finds it where its wire has it.

    Attributes:
        token: The bearer token.
        signature: The signature of `signed`, in hexadecimal.
        signed: What a signature is of.
    """

    token: bytes | None
    signature: bytes | None
    signed: bytes


class Authenticator(Protocol):
    """Tells who calls from what was presented."""

    driver: AuthDriver

    def authenticate(self, credentials: Credentials) -> Principal:
        """The caller.

        Raises:
            Refused: ``unauthorized``: nothing was presented, or the wrong thing.
            NotConfigured: Nothing could be presented that is right.
        """
        ...

    def ready(self) -> bool:
        """Whether any credentials are configured that could be accepted."""
        ...


def authenticator(settings: AuthSettings) -> Authenticator:
    """The driver that the settings ask for."""
    driver = settings.resolved_driver
    if driver == "none":
        return Nobody()
    return Secrets(driver, settings)


class Nobody:
    """Driver ``none``: every caller may do everything."""

    driver: AuthDriver = "none"

    def authenticate(self, credentials: Credentials) -> Principal:
        """The caller that stands for everybody."""
        return Principal(ADMIN, "anonymous", "none", full_access=True)

    def ready(self) -> bool:
        """Always."""
        return True


class Secrets:
    """Drivers ``token`` and ``signature``: a secret per role, and the legacy one."""

    def __init__(self, driver: AuthDriver, settings: AuthSettings) -> None:
        self.driver: AuthDriver = driver
        secrets = {role: secret for role, secret in settings.secrets(driver).items() if secret}
        legacy = secrets.pop(_LEGACY, None)
        self._roles = {role: secret.encode() for role, secret in secrets.items()}
        self._legacy = legacy.encode() if legacy and settings.backward_compatible else None

    def authenticate(self, credentials: Credentials) -> Principal:
        """The caller whose secret was presented."""
        if not self.ready():
            raise NotConfigured
        signed = self.driver == "signature"
        presented = credentials.signature if signed else credentials.token
        if presented is None:
            raise unauthorized()
        # All are compared, also after a match, so that the time taken reveals nothing.
        matching = [
            role
            for role, secret in self._roles.items()
            if self._equal(presented, secret, credentials.signed)
        ]
        if matching:
            return Principal(matching[0], f"role:{matching[0]}", self.driver)
        if self._legacy is not None and self._equal(presented, self._legacy, credentials.signed):
            return Principal(ADMIN, "legacy-token", self.driver, full_access=not self._roles)
        raise unauthorized()

    def ready(self) -> bool:
        """Whether there is a secret that counts."""
        return bool(self._roles) or self._legacy is not None

    def _equal(self, presented: bytes, secret: bytes, signed: bytes) -> bool:
        if self.driver == "signature":
            secret = hmac.new(secret, signed, hashlib.sha256).hexdigest().encode()
        return hmac.compare_digest(presented, secret)


def unauthorized() -> Refused:
    """The refusal of a login. It does not say what was wrong."""
    return Refused("unauthorized", "Invalid or missing authentication token.")
