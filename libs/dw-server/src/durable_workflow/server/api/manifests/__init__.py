"""What the server publishes of itself: the documents that clients and workers check at start-up."""

from durable_workflow.server.api.manifests._documents import cluster_info, server_capabilities
from durable_workflow.server.api.manifests._provenance import package_provenance
from durable_workflow.server.api.manifests._response_contract import (
    CONTRACT,
    OPERATIONS,
    PROJECTED_FIELDS,
)

__all__ = [
    "CONTRACT",
    "OPERATIONS",
    "PROJECTED_FIELDS",
    "cluster_info",
    "package_provenance",
    "server_capabilities",
]
