"""The worker. It uses the store of its client: dw-worker external_payloads.worker:make_worker"""

from durable_workflow import Worker

from .activities import shout
from .storage import make_client
from .workflows import ShoutDocument


def make_worker() -> Worker:
    return Worker(
        make_client(), task_queue="documents", workflows=[ShoutDocument], activities=[shout]
    )
