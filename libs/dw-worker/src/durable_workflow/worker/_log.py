"""The worker's logger."""

import logging

log = logging.getLogger("durable_workflow.worker")
