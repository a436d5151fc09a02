from __future__ import annotations

import hashlib
import hmac

import pytest

from durable_workflow.server.api.login import Credentials, NotConfigured, Principal, authenticator
from durable_workflow.server.api.roles import ADMINS, ANYBODY, OPERATORS, WORKERS
from durable_workflow.server.refusals import Refused
from durable_workflow.server.settings import AuthSettings

ROLES = AuthSettings(
    worker_token="w-secret", operator_token="o-secret", admin_token="a-secret", token="old"
)


def login(settings: AuthSettings, token: str | None) -> Principal:
    presented = token.encode() if token is not None else None
    return authenticator(settings).authenticate(Credentials(presented, None, b""))


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
    principal = login(ROLES, token)

    assert principal.role == role
    assert all(principal.may(roles) for roles in allowed)
    assert not any(principal.may(roles) for roles in refused)


def test_the_legacy_token_alone_opens_everything() -> None:
    principal = login(AuthSettings(token="old"), "old")

    assert principal.subject == "legacy-token"
    assert principal.full_access
    assert principal.may(WORKERS)
    assert principal.may(ADMINS)


@pytest.mark.parametrize("token", [None, "", "wrong", "ol", "old x", "ö"])
def test_everything_else_is_unauthorized(token: str | None) -> None:
    with pytest.raises(Refused) as refused:
        login(AuthSettings(token="old"), token)

    assert refused.value.reason == "unauthorized"
    assert "old" not in str(refused.value)


def test_the_first_matching_role_decides() -> None:
    same = AuthSettings(worker_token="s", admin_token="s")
    assert login(same, "s").role == "worker"


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
        login(settings, "old")


def test_without_secrets_everybody_may_do_everything() -> None:
    settings = AuthSettings()
    principal = login(settings, None)

    assert settings.resolved_driver == "none"
    assert principal.subject == "anonymous"
    assert all(principal.may(roles) for roles in (WORKERS, OPERATORS, ADMINS))


def test_signatures_are_of_the_raw_body() -> None:
    settings = AuthSettings(worker_signature_key="k1", signature_key="k2")
    driver = authenticator(settings)

    def signed(key: str, body: bytes, of: bytes | None = None) -> Credentials:
        digest = hmac.new(key.encode(), body if of is None else of, hashlib.sha256).hexdigest()
        return Credentials(token=None, signature=digest.encode(), signed=body)

    assert driver.authenticate(signed("k1", b'{"a": 1}')).role == "worker"
    assert driver.authenticate(signed("k2", b"")).role == "admin"
    for wrong in (
        Credentials(token=b"k1", signature=None, signed=b"body"),
        signed("k1", b"body", of=b"other"),
        signed("k3", b"body"),
    ):
        with pytest.raises(Refused):
            driver.authenticate(wrong)


def test_secrets_do_not_show() -> None:
    assert "secret" not in repr(ROLES).replace("secrets redacted", "")
    assert "old" not in repr(ROLES)
