"""What the client's wheel registers: how a client is copied, and how it makes a transport."""

from collections.abc import Callable
from typing import Any, Final

from durable_workflow._meet._clients import (
    ActivityHeartbeatTransport,
    SessionClient,
    WorkerClient,
)
from durable_workflow._meet._transports import WorkerTransport

# Called with the client to copy and the constructor arguments that the copy shall differ in.
TransportCloneFactory = Callable[..., Any]

_METHODS: Final = frozenset(
    name
    for protocol in (WorkerClient, SessionClient, ActivityHeartbeatTransport)
    for name in vars(protocol)
    if not name.startswith("_")
)

_REPLACEABLE: Final = _METHODS | {"_request"}

_clone_factories: dict[type[object], TransportCloneFactory] = {}
_transport_factories: dict[type[object], Callable[[Any], WorkerTransport]] = {}
# What a class with a transport has of the methods before anybody replaces one.
_own_methods: dict[type[object], dict[str, object]] = {}
_unanswered: list[type[Exception]] = [ConnectionError, TimeoutError]


def register_transport_clone(client_type: type[object], factory: TransportCloneFactory) -> None:
    """Say how a client of exactly this type is copied for use on another event loop.

    Args:
        client_type: The concrete class. Its subclasses need their own entry.
        factory: Called as `factory(client, **overrides)`; returns an independent client.
    """
    _clone_factories[client_type] = factory


def transport_clone_for(client: object) -> TransportCloneFactory | None:
    """The factory registered for the exact type of `client`, or None.

    Exact, because a subclass may hold what cannot be copied, and because a mock passes every
    `isinstance`: for those the caller stays with the one client that it has.
    """
    factory = _clone_factories.get(type(client))
    # A copy would not have what a test has put into the place of a method of this very client.
    return factory if factory is None or _REPLACEABLE.isdisjoint(vars(client)) else None


def register_worker_transport(
    client_type: type[object], factory: Callable[[Any], WorkerTransport]
) -> None:
    """Say how a client of exactly this type makes a transport for a worker.

    Args:
        client_type: The concrete class. Its subclasses need their own entry: they may have changed
            a public method, and that is then what the worker calls.
        factory: Called with the client.
    """
    _transport_factories[client_type] = factory
    _own_methods[client_type] = _methods_in(client_type)


def worker_transport_for(client: object) -> WorkerTransport | None:
    """A transport over `client`, or None where only its public methods can be called.

    Test suites replace public methods of a client, or of its class: those are called then.
    """
    return _transport_factories[type(client)](client) if takes_transport(client) else None


def takes_transport(client: object) -> bool:
    """Whether there is a transport over `client`."""
    own = _own_methods.get(type(client))
    if own is None or not _METHODS.isdisjoint(vars(client)):
        return False
    return _methods_in(type(client)) == own


def _methods_in(client_type: type[object]) -> dict[str, object]:
    """The methods that a worker calls, as far as this very class has them."""
    has = vars(client_type)
    return {name: has[name] for name in _METHODS.intersection(has)}


def register_unanswered(kind: type[Exception]) -> None:
    """Say that errors of this type mean that a request got no answer."""
    if kind not in _unanswered:
        _unanswered.append(kind)


def is_unanswered(error: BaseException) -> bool:
    """Whether a request got no answer at all, as far as the error tells."""
    return isinstance(error, tuple(_unanswered))
