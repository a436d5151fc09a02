"""Opens the driver `s3`: what the wheel's entry point names."""

import re
from importlib.util import find_spec
from typing import Any, Final

from durable_workflow.external_storage import (
    ExternalPayloadStoragePolicy,
    ExternalStorageNotInstalledError,
)
from durable_workflow.external_storage._locations import container_of, prefix_of, text_of
from durable_workflow.storage_s3._storage import S3ExternalStorage

_LOCATORS: Final = (re.compile(r"arn:aws[\w-]*:s3:::([^/]+)"), re.compile(r"s3://([^/]+)"))


class S3Provider:
    """Opens buckets of policies."""

    storage_class = S3ExternalStorage

    def with_client(self, policy: ExternalPayloadStoragePolicy, client: Any) -> S3ExternalStorage:
        """Open a policy's bucket with the application's client.

        Raises:
            ValueError: The policy names no bucket, or its prefix is unsafe.
        """
        return S3ExternalStorage(client, bucket=_bucket(policy), prefix=prefix_of(policy))

    def from_environment(self, policy: ExternalPayloadStoragePolicy) -> S3ExternalStorage:
        """Open a policy's bucket with the credentials that boto3 finds.

        Of the policy's config `region`, `endpoint` and `auth_profile` (a profile of the shared
        credentials file) are used, and else what boto3 finds in the environment.

        Raises:
            ExternalStorageNotInstalledError: boto3 is not installed.
            ValueError: The policy names no bucket, its prefix is unsafe, or boto3 has no such
                profile or endpoint, or no credentials.
        """
        bucket, prefix = _bucket(policy), prefix_of(policy)
        if not self.can_open_from_environment():
            raise ExternalStorageNotInstalledError(
                'external payload storage driver s3 needs boto3: pip install "dw-storage-s3[s3]"'
            )
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        # botocore waits a minute for a connection by default, and five times.
        config = Config(connect_timeout=10, read_timeout=60, retries={"mode": "standard"})
        try:
            session = boto3.Session(
                profile_name=text_of(policy, "auth_profile") or None,
                region_name=text_of(policy, "region") or None,
            )
            if session.get_credentials() is None:
                raise ValueError("external payload storage driver s3 has no credentials")
            # Its overloads name the clients of all services; the stubs of one are required.
            client = session.client(  # pyright: ignore[reportUnknownMemberType]
                "s3", endpoint_url=text_of(policy, "endpoint") or None, config=config
            )
        except BotoCoreError as error:  # a profile that is not there, as an example
            raise ValueError(f"external payload storage driver s3: {error}") from error
        return S3ExternalStorage(client, bucket=bucket, prefix=prefix)

    def can_open_from_environment(self) -> bool:
        """Whether boto3 is installed."""
        return find_spec("boto3") is not None

    def errors(self) -> tuple[type[Exception], ...]:
        """What boto3 raises when S3 refuses, or cannot be reached."""
        from botocore.exceptions import BotoCoreError, ClientError

        return (BotoCoreError, ClientError)


def _bucket(policy: ExternalPayloadStoragePolicy) -> str:
    return container_of(policy, "s3", keys=("bucket",), locators=_LOCATORS)


PROVIDER: Final = S3Provider()
