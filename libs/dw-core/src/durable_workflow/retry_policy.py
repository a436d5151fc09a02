"""Retries of HTTP requests. Retries of activities are `workflow.ActivityRetryPolicy`."""

import asyncio
import random
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

__all__ = ["RetryPolicy", "T", "TransportRetryPolicy"]

T = TypeVar("T")

# Share by which jitter shortens or lengthens a pause, so that clients do not retry all at once.
_JITTER = 0.25
_TOO_MANY_REQUESTS = 429
_SECONDS = re.compile(r"[0-9]{1,9}")
# Requests that got no answer: the connection was refused, broke, or took too long.
_UNANSWERED = ("ConnectError", "TimeoutException", "NetworkError", "RemoteProtocolError")


@dataclass
class TransportRetryPolicy:
    """When and how often a request is tried again.

    Attributes:
        max_attempts: Attempts in all, the first included.
        initial_backoff_seconds: Pause after the first attempt.
        max_backoff_seconds: Longest pause, before jitter; also of those that a server asks for.
        backoff_multiplier: By what each pause is longer than the one before it.
        jitter: Whether pauses vary by a quarter at random.
    """

    max_attempts: int = 3
    initial_backoff_seconds: float = 0.1
    max_backoff_seconds: float = 5.0
    backoff_multiplier: float = 2.0
    jitter: bool = True

    def should_retry(self, exc: Exception, attempt: int) -> bool:
        """Whether to try again after a failure.

        Args:
            exc: What the attempt raised.
            attempt: Number of attempts made so far.
        """
        return attempt < self.max_attempts and _is_transient(exc)

    def backoff_seconds(self, attempt: int) -> float:
        """Pause before the next attempt.

        Args:
            attempt: Number of retries made so far: 0 after the first attempt.
        """
        try:
            pause = self.initial_backoff_seconds * self.backoff_multiplier**attempt
        except OverflowError:
            pause = self.max_backoff_seconds
        pause = min(pause, self.max_backoff_seconds)
        return pause * random.uniform(1 - _JITTER, 1 + _JITTER) if self.jitter else pause

    async def execute(self, fn: Callable[[], Awaitable[T]]) -> T:
        """Call `fn` until it succeeds, fails for good, or the attempts are used up.

        A server may ask for a longer pause with `Retry-After`, up to `max_backoff_seconds`.

        Args:
            fn: Makes one attempt.

        Returns:
            What `fn` returned.

        Raises:
            RuntimeError: The policy allows no attempt.
            Exception: What the last attempt raised.
        """
        if self.max_attempts < 1:
            raise RuntimeError("the retry policy allows no attempt: max_attempts is less than 1")
        attempt = 0
        while True:
            attempt += 1
            try:
                return await fn()
            except Exception as error:
                if not self.should_retry(error, attempt):
                    raise
                asked = min(_asked_seconds(error), self.max_backoff_seconds)
            await asyncio.sleep(max(self.backoff_seconds(attempt - 1), asked))


RetryPolicy = TransportRetryPolicy


def _asked_seconds(error: Any) -> float:
    """Seconds for which the answer asks to wait, 0 where it does not. Dates are not read."""
    # In lower case, as every transport gives names. Answers that test suites make up may have none.
    headers: object = getattr(getattr(error, "response", None), "headers", None)
    if not isinstance(headers, Mapping):
        return 0.0
    asked = cast("Mapping[str, object]", headers).get("retry-after")
    return float(asked) if isinstance(asked, str) and _SECONDS.fullmatch(asked) else 0.0


def _is_transient(error: Any) -> bool:
    # Looked up, not imported: httpx belongs to the client's wheel. Where nobody imported it none
    # of its exceptions can be under way.
    httpx: Any = sys.modules.get("httpx")
    if httpx is None:
        return False
    if isinstance(error, httpx.HTTPStatusError):
        status: int = error.response.status_code
        return status >= 500 or status == _TOO_MANY_REQUESTS
    return isinstance(error, tuple(getattr(httpx, name) for name in _UNANSWERED))
