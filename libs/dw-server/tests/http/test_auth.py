from __future__ import annotations

import hashlib
import hmac

import pytest

from durable_workflow.server.http.auth import NotConfigured, Principal, authenticator
from durable_workflow.server.http.roles import ADMINS, ANYBODY, OPERATORS, WORKERS
from durable_workflow.server.services.refusals import Refused
from durable_workflow.server.settings import AuthSettings

ROLES = AuthSettings(
    worker_token="w-secret", operator_token="o-secret", admin_token="a-secret", token="old"
)


def login(settings: AuthSettings, authorization: str | None, body: bytes = b"") -> Principal:
    headers = {b"authorization": authorization.encode()} if authorization is not None else {}
    return authenticator(settings).authenticate(headers, body)


@pytest.mark.parametrize(
    ("token", "role", "allowed", "refused"),
    [
        ("w-secret", "worker", [WORKERS, ANYBODY], [OPERATORS, ADMINS]),
        ("o-secret", "operator", [OPERATORS, ANYBODY], [WORKERS, ADMINS]),
        ("a-secret", "admin", [ADMINS, OPERATORS, ANYBODY], [WORKERS]),
        # Beside role tokens, the legacy one is an admin's and no worker's.
        ("old", "admin", [ADMINS, OPERATORS], [WORKERS]),
    ],
)
def test_a_token_has_one_role_and_roles_are_no_ladder(
    token: str, role: str, allowed: list[tuple[str, ...]], refused: list[tuple[str, ...]]
) -> None:
    principal = login(ROLES, f"Bearer {token}")

    assert principal.role == role
    assert all(principal.may(roles) for roles in allowed)
    assert not any(principal.may(roles) for roles in refused)


def test_the_legacy_token_alone_opens_everything() -> None:
    principal = login(AuthSettings(token="old"), "bearer   old ")

    assert principal.subject == "legacy-token"
    assert principal.full_access
    assert principal.may(WORKERS)
    assert principal.may(ADMINS)


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Bearer wrong", "old", "Basic old", "Bearer old x", "Bearer ö"],
)
def test_everything_else_is_unauthorized(authorization: str | None) -> None:
    with pytest.raises(Refused) as refused:
        login(AuthSettings(token="old"), authorization)

    assert refused.value.reason == "unauthorized"
    assert "old" not in str(refused.value)


def test_the_first_matching_role_decides() -> None:
    same = AuthSettings(worker_token="s", admin_token="s")
    assert login(same, "Bearer s").role == "worker"


@pytest.mark.parametrize(
    "settings",
    [
        AuthSettings(driver="token"),
        AuthSettings(driver="token", token="old", backward_compatible=False),
        AuthSettings(driver="signature"),
    ],
)
def test_a_driver_without_a_usable_secret_is_not_configured(settings: AuthSettings) -> None:
    assert not authenticator(settings).ready()
    with pytest.raises(NotConfigured):
        login(settings, "Bearer old")


def test_without_secrets_everybody_may_do_everything() -> None:
    settings = AuthSettings()
    principal = login(settings, None)

    assert settings.resolved_driver == "none"
    assert principal.subject == "anonymous"
    assert all(principal.may(roles) for roles in (WORKERS, OPERATORS, ADMINS))


def test_signatures_are_of_the_raw_body() -> None:
    settings = AuthSettings(worker_signature_key="k1", signature_key="k2")
    driver = authenticator(settings)

    def sign(key: str, body: bytes) -> dict[bytes, bytes]:
        digest = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
        return {b"x-signature": digest.encode()}

    assert driver.authenticate(sign("k1", b'{"a": 1}'), b'{"a": 1}').role == "worker"
    assert driver.authenticate(sign("k2", b""), b"").role == "admin"
    for headers in ({}, sign("k1", b"other"), sign("k3", b"body")):
        with pytest.raises(Refused):
            driver.authenticate(headers, b"body")


def test_secrets_do_not_show() -> None:
    assert "secret" not in repr(ROLES).replace("secrets redacted", "")
    assert "old" not in repr(ROLES)
