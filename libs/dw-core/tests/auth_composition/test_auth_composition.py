import contextlib
import copy
import pickle
from collections.abc import Generator
from typing import Any

import pytest

from durable_workflow.auth_composition import (
    AUTH_COMPOSITION_CONTRACT_SCHEMA,
    AuthCompositionContractError,
    parse_auth_composition_contract,
)

MANIFEST: dict[str, Any] = {
    "schema": AUTH_COMPOSITION_CONTRACT_SCHEMA,
    "version": 1,
    "scope": "external_execution_carriers",
    "precedence": {
        "connection_values": ["flag", "environment", "selected_profile", "default"],
        "profile_selection": ["flag_env", "DW_ENV"],
        "notes": ["ignored"],
    },
    "canonical_environment": {
        "server_url": "DURABLE_WORKFLOW_SERVER_URL",
        "namespace": "DURABLE_WORKFLOW_NAMESPACE",
        "auth_token": "DURABLE_WORKFLOW_AUTH_TOKEN",
        "tls_verify": "DURABLE_WORKFLOW_TLS_VERIFY",
        "profile": "DW_ENV",
        "later": "DW_LATER",
    },
    "auth_material": {
        "token": {"status": "supported", "effective_config_value": "redacted"},
        "mtls": {"status": "reserved"},
        "signed_headers": {"status": "reserved"},
        "extensions": {"status": "reserved"},
    },
    "effective_config": {
        "required_fields": ["server_url", "namespace", "profile", "auth", "tls", "identity", "x"]
    },
    "redaction": {
        "never_echo": ["bearer_tokens", "private_keys", "raw_authorization_headers", "y"]
    },
}
ABSENT = object()


def changed(path: str, value: object) -> dict[str, object]:
    """The manifest with another value, or none, at a dotted path."""
    manifest = copy.deepcopy(MANIFEST)
    *parents, last = path.split(".")
    section: Any = manifest
    for parent in parents:
        section = section[parent]
    if value is ABSENT:
        del section[last]
    else:
        section[last] = value
    return manifest


def test_the_contract_is_read() -> None:
    contract = parse_auth_composition_contract(MANIFEST)
    assert (contract.schema, contract.version) == (AUTH_COMPOSITION_CONTRACT_SCHEMA, 1)
    assert contract.connection_precedence[0] == "flag"
    assert contract.profile_precedence == ("flag_env", "DW_ENV")
    assert contract.canonical_environment["later"] == "DW_LATER"
    assert contract.auth_material["token"]["status"] == "supported"
    assert contract.effective_config_required_fields[-1] == "x"
    assert contract.redaction_never_echo[-1] == "y"
    assert contract.supports_token_auth
    assert contract.reserves_mtls
    assert contract.reserves_signed_headers


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema", "other"),
        ("schema", ABSENT),
        ("version", 2),
        ("version", "1"),
        ("version", True),
        ("precedence", ABSENT),
        ("precedence", []),
        ("precedence.connection_values", "flag"),
        ("precedence.connection_values", [1]),
        ("precedence.profile_selection", ABSENT),
        ("canonical_environment", []),
        ("canonical_environment.server_url", "OTHER"),
        ("canonical_environment.namespace", ABSENT),
        ("canonical_environment.auth_token", ""),
        ("canonical_environment.tls_verify", None),
        ("canonical_environment.profile", "DW_PROFILE"),
        ("canonical_environment.later", 1),
        ("auth_material", ABSENT),
        ("auth_material.token", ABSENT),
        ("auth_material.token.status", "reserved"),
        ("auth_material.token.effective_config_value", "shown"),
        ("auth_material.mtls.status", "supported"),
        ("auth_material.signed_headers", None),
        ("auth_material.extensions", "reserved"),
        ("effective_config", ABSENT),
        ("effective_config.required_fields", ["server_url"]),
        ("redaction", ABSENT),
        ("redaction.never_echo", ["bearer_tokens", "private_keys"]),
    ],
)
def test_another_contract_is_refused_and_the_place_named(path: Any, value: Any) -> None:
    with pytest.raises(AuthCompositionContractError) as caught:
        parse_auth_composition_contract(changed(path, value))
    assert path in caught.value.message
    assert str(caught.value) == caught.value.message
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("manifest", [None, [], "text"])
def test_what_is_no_object_is_refused(manifest: Any) -> None:
    with pytest.raises(AuthCompositionContractError, match="must be an object"):
        parse_auth_composition_contract(manifest)


def test_the_error_behaves_as_exceptions_do() -> None:
    error = AuthCompositionContractError("bad")
    error.add_note("where")
    twin = pickle.loads(pickle.dumps(error))
    assert (twin, twin.message, twin.__notes__) == (error, "bad", ["where"])
    assert hash(twin) == hash(error)
    assert error != AuthCompositionContractError("worse")
    assert error != ValueError("bad")

    @contextlib.contextmanager
    def passing() -> Generator[None, None, None]:
        yield

    with pytest.raises(AuthCompositionContractError) as caught, passing():
        raise error
    assert caught.value is error
