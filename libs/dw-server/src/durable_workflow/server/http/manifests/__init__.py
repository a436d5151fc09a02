"""What the server publishes of itself: the documents that clients and workers check at start-up."""

from durable_workflow.server.http.manifests._documents import cluster_info, server_capabilities

__all__ = ["cluster_info", "server_capabilities"]
