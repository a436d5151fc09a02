"""The published contract about connection values and credentials; parsed, never applied."""

from durable_workflow._publish import publish
from durable_workflow.auth_composition._contract import (
    AUTH_COMPOSITION_CONTRACT_SCHEMA,
    AUTH_COMPOSITION_CONTRACT_VERSION,
    AUTH_COMPOSITION_REQUIRED_EFFECTIVE_CONFIG_FIELDS,
    AuthCompositionContract,
    AuthCompositionContractError,
    parse_auth_composition_contract,
)

__all__ = [
    "AUTH_COMPOSITION_CONTRACT_SCHEMA",
    "AUTH_COMPOSITION_CONTRACT_VERSION",
    "AUTH_COMPOSITION_REQUIRED_EFFECTIVE_CONFIG_FIELDS",
    "AuthCompositionContract",
    "AuthCompositionContractError",
    "parse_auth_composition_contract",
]

publish(globals(), __all__)
