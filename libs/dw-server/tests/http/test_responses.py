from __future__ import annotations

import gzip
import random
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from durable_workflow.server.http.responses import choose_encoding, compress, respond


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("", None),
        ("identity", None),
        ("gzip", "gzip"),
        ("GZIP, deflate, br", "gzip"),
        ("br, deflate", "deflate"),
        ("gzip;q=0, deflate", "deflate"),
        ("gzip;q=0.1, deflate;q=0.5", "deflate"),
        ("*", "gzip"),
        ("*;q=0", None),
        ("gzip;q=nonsense", None),
    ],
)
def test_the_best_encoding_of_ours_that_is_accepted(accepted: str, encoding: str | None) -> None:
    assert choose_encoding(accepted) == encoding


def test_deflate_is_raw() -> None:
    assert zlib.decompress(compress(b"x" * 5000, "deflate"), wbits=-15) == b"x" * 5000
    assert gzip.decompress(compress(b"x" * 5000, "gzip")) == b"x" * 5000


async def answer(body: bytes, **options: Any) -> tuple[dict[bytes, bytes], bytes]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await respond(send, 200, body, [(b"x", b"y")], **options)
    assert [part.get("more_body", False) for part in sent[1:]] == [True] * (len(sent) - 2) + [False]
    assert max(len(part["body"]) for part in sent[1:]) <= 1_048_576
    return dict(sent[0]["headers"]), b"".join(part["body"] for part in sent[1:])


async def test_large_answers_are_compressed_for_who_accepts_it() -> None:
    body = b'{"a": "' + b"x" * 2000 + b'"}'
    headers, sent = await answer(body, accept_encoding="gzip")

    assert headers[b"content-encoding"] == b"gzip"
    assert headers[b"content-length"] == str(len(sent)).encode()
    assert gzip.decompress(sent) == body


@pytest.mark.parametrize(
    "options",
    [
        {"accept_encoding": None},
        {"accept_encoding": "br"},
        {"accept_encoding": "gzip", "incompressible": 1500},
    ],
)
async def test_other_answers_are_sent_as_they_are(options: dict[str, Any]) -> None:
    body = b'"' + b"x" * 2000 + b'"'
    headers, sent = await answer(body, **options)

    assert b"content-encoding" not in headers
    assert sent == body


async def test_the_answer_to_head_has_its_length_and_no_body() -> None:
    headers, sent = await answer(b"{}", head=True)

    assert headers[b"content-length"] == b"2"
    assert sent == b""


@pytest.mark.parametrize("size", [1_048_576, 1_048_577, 3_000_000])
async def test_a_very_large_answer_is_sent_in_parts(size: int) -> None:
    body = random.Random(1).randbytes(size)
    headers, sent = await answer(body)

    assert sent == body
    assert headers[b"content-length"] == str(size).encode()
    assert await answer(body, head=True) == (headers, b"")
    headers, sent = await answer(body, accept_encoding="gzip")
    assert gzip.decompress(sent) == body
    assert headers[b"content-length"] == str(len(sent)).encode()


async def test_others_have_their_turn_while_a_very_large_answer_is_compressed(
    turns: Callable[[], int],
) -> None:
    before = turns()
    await answer(b"x" * 20_000_000, accept_encoding="gzip")
    assert turns() > before + 1
