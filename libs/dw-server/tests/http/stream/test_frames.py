"""Frames are read the same way, whether they are large and taken at once or message by message."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from durable_workflow.server.http.stream import frames
from durable_workflow.server.http.stream.frames import (
    BadFrame,
    message_in_slices,
    messages_of,
    texts_of,
)
from durable_workflow.server.slices import at_once

PAYLOAD = "A" * 20_000
LIMIT = 100_000


def read(frame: str, largest: int = LIMIT) -> tuple[list[Any], str | None]:
    """What came of a frame, as text or as bytes: the messages before an error, and the error."""
    found = read_one(frame, largest)
    if frame.isascii():
        assert read_one(frame.encode(), largest) == found
    return found


def read_one(frame: str | bytes, largest: int) -> tuple[list[Any], str | None]:
    found: list[Any] = []
    try:
        for message in messages_of(frame, largest):
            found.append(msgspec.structs.asdict(message))
    except BadFrame as error:
        return found, str(error)
    return found, None


def read_in_slices(frame: str, largest: int = LIMIT) -> tuple[list[Any], str | None]:
    """The same of one that is decoded in slices."""
    found: list[Any] = []
    try:
        for text in texts_of(frame):
            message = at_once(message_in_slices(text, largest))
            found.append(msgspec.structs.asdict(message) | {"is_dense": False})
    except BadFrame as error:
        return found, str(error)
    return found, None


def complete(number: Any = 1, **members: Any) -> dict[str, Any]:
    return {"type": "complete", "id": number, "result": PAYLOAD} | members


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def text(*messages: Any) -> str:
    return msgspec.json.encode(list(messages)).decode()


GOOD = {
    "one": text(complete()),
    "several": text(complete(1), complete(2), {"type": "bye"}),
    "an id that is a text, where none is needed": text({"type": "slots", "id": PAYLOAD}),
    "backslashes": text(complete(result=PAYLOAD + '"\\\n')),
    "beyond ascii": text(complete(result=PAYLOAD + "é\U0001f600")),
    "a surrogate pair": f'[{{"type":"complete","id":1,"r":"{PAYLOAD}\\ud83d\\ude00"}}]',
    "members twice": f'[{{"type":"complete","id":1,"id":2,"r":"{PAYLOAD}"}}]',
    "as deep as may be": text(complete(result=[PAYLOAD, nested(125)])),
    "many small values": text(complete(result=[PAYLOAD, [[]] * 5_000])),
    "one that is too large": text(complete(1), complete(2, result=PAYLOAD * 6), complete(3)),
    "too large for the other way": text(*[complete(each) for each in range(6)]),
}
BAD = {
    "no array": msgspec.json.encode(complete()).decode(),
    "no end": text(complete())[:-1],
    "no object": text(complete(1), PAYLOAD),
    "no id behind a good one": text(complete(1), complete(None), complete(3)),
    "an id below zero": text(complete(1), complete(-1)),
    "a truth for an id": text(complete(True)),
    "no type": text(complete(1), {"result": PAYLOAD}),
    "too deep": text(complete(1), complete(2, result=[PAYLOAD, nested(200)])),
    "deep beyond all": "[{}{}{}]".format("[" * 30_000, '"A"', "]" * 30_000),
    "half of a surrogate pair": f'[{{"type":"complete","id":1,"r":"{PAYLOAD}\\ud83d"}}]',
    "a control character": f'[{{"type":"complete","id":1,"r":"{PAYLOAD}\x01"}}]',
    "no number": f'[{{"type":"complete","id":1,"r":"{PAYLOAD}","n":NaN}}]',
    "something behind it": text(complete()) + "[]",
}


@pytest.mark.parametrize("frame", [*GOOD.values(), *BAD.values()], ids=[*GOOD, *BAD])
def test_a_large_frame_is_read_as_its_messages_one_by_one_are(
    frame: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read(frame)
    monkeypatch.setattr(frames, "_LARGE_FRAME", len(frame) + 1)
    assert whole == read(frame)
    assert whole == read_in_slices(frame)


@pytest.mark.parametrize("frame", GOOD.values(), ids=GOOD)
def test_what_is_whole_is_read(frame: str) -> None:
    found, error = read(frame)
    assert found
    assert error is None


@pytest.mark.parametrize("frame", BAD.values(), ids=BAD)
def test_what_is_not_whole_ends_the_connection(frame: str) -> None:
    _, error = read(frame)
    assert error is not None
