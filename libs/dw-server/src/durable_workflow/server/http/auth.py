"""Telling who calls: nobody in particular, by bearer token, or by signature (control-plane 2)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Protocol

import msgspec

from durable_workflow.server.http.roles import ADMIN
from durable_workflow.server.services.refusals import Refused
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


class Authenticator(Protocol):
    """Tells who calls from what came with a request."""

    driver: AuthDriver

    def authenticate(self, headers: Mapping[bytes, bytes], body: bytes) -> Principal:
        """The caller.

        Raises:
            Refused: ``unauthorized``: nothing was presented, or the wrong thing.
            NotConfigured: Nothing could be presented that is right.
        """
        ...

    def ready(self) -> bool:
        """Whether somebody can get in."""
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

    def authenticate(self, headers: Mapping[bytes, bytes], body: bytes) -> Principal:
        """The one and only caller."""
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

    def authenticate(self, headers: Mapping[bytes, bytes], body: bytes) -> Principal:
        """The caller whose secret was presented."""
        if not self.ready():
            raise NotConfigured
        presented = self._presented(headers)
        if presented is None:
            raise unauthorized()
        # All are compared, whichever is right, so that time says nothing.
        matching = [
            role for role, secret in self._roles.items() if self._equal(presented, secret, body)
        ]
        if matching:
            return Principal(matching[0], f"role:{matching[0]}", self.driver)
        if self._legacy is not None and self._equal(presented, self._legacy, body):
            return Principal(ADMIN, "legacy-token", self.driver, full_access=not self._roles)
        raise unauthorized()

    def ready(self) -> bool:
        """Whether there is a secret that counts."""
        return bool(self._roles) or self._legacy is not None

    def _presented(self, headers: Mapping[bytes, bytes]) -> bytes | None:
        if self.driver == "signature":
            return headers.get(b"x-signature", b"").strip() or None
        scheme, _, token = headers.get(b"authorization", b"").strip().partition(b" ")
        return (token.strip() or None) if scheme.lower() == b"bearer" else None

    def _equal(self, presented: bytes, secret: bytes, body: bytes) -> bool:
        if self.driver == "signature":
            secret = hmac.new(secret, body, hashlib.sha256).hexdigest().encode()
        return hmac.compare_digest(presented, secret)


def unauthorized() -> Refused:
    """The refusal that says no more than it must."""
    return Refused("unauthorized", "Invalid or missing authentication token.")
