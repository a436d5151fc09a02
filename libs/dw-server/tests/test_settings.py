from __future__ import annotations

import pytest

from durable_workflow.server.settings import AuthSettings, Settings, SettingsError, is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback_needs_no_login(host: str) -> None:
    assert is_loopback(host)
    Settings(host=host).require_safe()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", ""])
def test_elsewhere_somebody_must_have_decided(host: str) -> None:
    with pytest.raises(SettingsError, match="DW_AUTH_TOKEN"):
        Settings(host=host).require_safe()

    Settings(host=host, auth=AuthSettings(token="t")).require_safe()
    Settings(host=host, auth=AuthSettings(driver="none")).require_safe()
