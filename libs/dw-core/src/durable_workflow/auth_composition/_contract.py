"""How a server says that connection values and credentials are put together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from durable_workflow._reading import ContractError, Section

AUTH_COMPOSITION_CONTRACT_SCHEMA: Final = "durable-workflow.v2.auth-composition.contract"
AUTH_COMPOSITION_CONTRACT_VERSION: Final = 1
AUTH_COMPOSITION_REQUIRED_EFFECTIVE_CONFIG_FIELDS: Final = (
    "server_url",
    "namespace",
    "profile",
    "auth",
    "tls",
    "identity",
)

# Names of environment variables only: this package never reads them.
_ENVIRONMENT: Final = {
    "server_url": "DURABLE_WORKFLOW_SERVER_URL",
    "namespace": "DURABLE_WORKFLOW_NAMESPACE",
    "auth_token": "DURABLE_WORKFLOW_AUTH_TOKEN",
    "tls_verify": "DURABLE_WORKFLOW_TLS_VERIFY",
    "profile": "DW_ENV",
}
_NEVER_ECHO: Final = ("bearer_tokens", "private_keys", "raw_authorization_headers")
_SUPPORTED: Final = "supported"
_RESERVED: Final = "reserved"


class AuthCompositionContractError(ContractError):
    """A server's auth composition contract is not the one that this release follows."""


@dataclass(frozen=True)
class AuthCompositionContract:
    """What this release takes from the contract.

    Attributes:
        schema: Name of the contract.
        version: Its version.
        connection_precedence: Where connection values come from, the first first.
        profile_precedence: How a profile is selected, likewise.
        canonical_environment: Environment variable by connection value.
        auth_material: Kinds of credentials, with what is said about each.
        effective_config_required_fields: What a shown configuration must contain.
        redaction_never_echo: What must never be shown.
    """

    schema: str
    version: int
    connection_precedence: tuple[str, ...]
    profile_precedence: tuple[str, ...]
    canonical_environment: Mapping[str, str]
    auth_material: Mapping[str, Mapping[str, Any]]
    effective_config_required_fields: tuple[str, ...]
    redaction_never_echo: tuple[str, ...]

    @property
    def supports_token_auth(self) -> bool:
        """Whether tokens are supported."""
        return self._has_status("token", _SUPPORTED)

    @property
    def reserves_mtls(self) -> bool:
        """Whether mutual TLS is reserved for later."""
        return self._has_status("mtls", _RESERVED)

    @property
    def reserves_signed_headers(self) -> bool:
        """Whether signed headers are reserved for later."""
        return self._has_status("signed_headers", _RESERVED)

    def _has_status(self, kind: str, status: str) -> bool:
        return bool(self.auth_material.get(kind, {}).get("status") == status)


def parse_auth_composition_contract(manifest: Mapping[str, Any]) -> AuthCompositionContract:
    """Read the contract from cluster info. Members that it does not name are ignored.

    Args:
        manifest: The member `auth_composition_contract`.

    Raises:
        AuthCompositionContractError: It is another contract; the text says where.
    """
    contract = Section(manifest, "", AuthCompositionContractError)
    contract.pinned("schema", AUTH_COMPOSITION_CONTRACT_SCHEMA)
    contract.pinned("version", AUTH_COMPOSITION_CONTRACT_VERSION)
    precedence = contract.section("precedence")
    return AuthCompositionContract(
        schema=AUTH_COMPOSITION_CONTRACT_SCHEMA,
        version=AUTH_COMPOSITION_CONTRACT_VERSION,
        connection_precedence=precedence.texts("connection_values"),
        profile_precedence=precedence.texts("profile_selection"),
        canonical_environment=_environment(contract.section("canonical_environment")),
        auth_material=_material(contract.section("auth_material")),
        effective_config_required_fields=contract.section("effective_config").texts(
            "required_fields", containing=AUTH_COMPOSITION_REQUIRED_EFFECTIVE_CONFIG_FIELDS
        ),
        redaction_never_echo=contract.section("redaction").texts(
            "never_echo", containing=_NEVER_ECHO
        ),
    )


def _environment(section: Section) -> dict[str, str]:
    for key, name in _ENVIRONMENT.items():
        section.pinned(key, name)
    names: dict[str, str] = {}
    for key, name in section.members.items():
        if not isinstance(name, str):
            raise section.fail(key, "a string")
        names[key] = name
    return names


def _material(section: Section) -> dict[str, Mapping[str, Any]]:
    kinds = {kind: section.section(kind).members for kind in section.members}
    token = section.section("token")
    token.pinned("status", _SUPPORTED)
    token.pinned("effective_config_value", "redacted")
    section.section("mtls").pinned("status", _RESERVED)
    section.section("signed_headers").pinned("status", _RESERVED)
    return kinds
