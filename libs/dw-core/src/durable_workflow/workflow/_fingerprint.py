"""Fingerprints of wait predicates: the same text gives the same fingerprint, wherever it runs.

A fingerprint is compared with the one that history has, possibly years, interpreters and machines
later. It is therefore taken from the predicate's tokens, without comments, spacing or line
numbers, and never from bytecode or `repr`, which differ between interpreters and even between two
starts of one. The scheme is part of the value; values of two schemes say nothing about each other.
"""

import functools
import hashlib
import inspect
import io
import tokenize
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any, Final, cast

SOURCE_SCHEME: Final = "sha256:v2"
# No source at hand (a console, a stripped deployment): only the predicate's name is known.
NAME_SCHEME: Final = "sha256:v2-name"

_LAYOUT = frozenset(
    {
        tokenize.COMMENT,
        tokenize.NL,
        tokenize.NEWLINE,
        tokenize.INDENT,
        tokenize.DEDENT,
        tokenize.ENCODING,
        tokenize.ENDMARKER,
    }
)
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")


def predicate_fingerprint(predicate: Callable[[], Any]) -> str:
    """A stable fingerprint of a predicate's definition."""
    function: Any = predicate
    while isinstance(function, functools.partial):
        function = function.func
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    # A callable object is named by its class.
    named = function if hasattr(function, "__qualname__") else cast("Any", type(function))
    source = _normalised_source(code, code.co_filename) if isinstance(code, CodeType) else None
    scheme = NAME_SCHEME if source is None else SOURCE_SCHEME
    parts = ["wait-condition", str(named.__module__), str(named.__qualname__), source or ""]
    return f"{scheme}:{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()}"


def comparable(recorded: str, current: str) -> bool:
    """Whether two fingerprints are of one scheme, so that a difference means something."""
    return recorded.rpartition(":")[0] == current.rpartition(":")[0]


@functools.lru_cache(maxsize=1024)
def _normalised_source(code: CodeType, filename: str) -> str | None:
    """Tokens of one function or lambda, or None where its source cannot be found.

    The file is part of the cache's key: equal code in two files is one key otherwise.
    """
    try:
        lines, _ = inspect.getsourcelines(code)
        tokens = list(_tokens(lines))
    except (OSError, TypeError, SyntaxError, tokenize.TokenError):
        return None
    if code.co_name == "<lambda>":
        tokens = _lambda_of(tokens, code)
    return " ".join(token.string for token in tokens if token.type not in _LAYOUT) or None


def _tokens(lines: list[str]) -> Iterator[tokenize.TokenInfo]:
    """Tokens of a block cut out of a file; a lambda's block may end inside an open bracket."""
    reader = tokenize.generate_tokens(io.StringIO("".join(lines)).readline)
    try:
        yield from reader
    except (tokenize.TokenError, IndentationError):
        return


def _lambda_of(tokens: list[tokenize.TokenInfo], code: CodeType) -> list[tokenize.TokenInfo]:
    """The tokens of the lambda that a code object belongs to, and nothing around it."""
    row, column = _body_start(code)
    start = 0
    for index, token in enumerate(tokens):
        if token.start > (row, column):
            break
        if token.string == "lambda":
            start = index  # the last `lambda` before the body starts is its own
    return list(_expression(tokens[start:]))


def _body_start(code: CodeType) -> tuple[int, int]:
    """Row, counted from the code's first line, and column where the lambda's body begins."""
    starts = [
        (line - code.co_firstlineno + 1, column)
        for line, _, column, end_column in code.co_positions()
        if line is not None and column is not None and end_column
    ]
    return min(starts, default=(1, 1 << 30))


def _expression(tokens: list[tokenize.TokenInfo]) -> Iterator[tokenize.TokenInfo]:
    """Tokens from `lambda` to the end of its body: a comma, a closing bracket or the line's end."""
    depth, in_body = 0, False
    for token in tokens:
        if depth == 0 and in_body:
            ends_line = token.type in (tokenize.NEWLINE, tokenize.ENDMARKER)
            if ends_line or token.string == "," or token.string in _CLOSING:
                return
        if token.string in _OPENING:
            depth += 1
        elif token.string in _CLOSING:
            depth -= 1
        elif token.string == ":" and depth == 0:
            in_body = True
        yield token
