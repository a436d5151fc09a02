"""Fingerprints of wait predicates: the same text gives the same fingerprint, wherever it runs.

A fingerprint is compared with the one that history has, possibly years, interpreters and machines
later. It is therefore taken from the predicate's tokens, without comments, spacing or line
numbers, and never from bytecode or `repr`, which differ between interpreters and even between two
starts of one. Nor does it know the module or the class: code that is moved or renamed with its text
unchanged goes on with its waits. The scheme is part of the value (see `_wire.fingerprints`).
"""

import functools
import hashlib
import inspect
import io
import tokenize
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

from durable_workflow._wire.fingerprints import NAME_SCHEME, SOURCE_SCHEME

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


def predicate_fingerprint(predicate: Callable[[], Any], key: str | None = None) -> str:
    """A stable fingerprint of a wait: of its key and of its predicate's code."""
    function: Any = predicate
    while isinstance(function, functools.partial):
        function = function.func
    if callable(function) and not hasattr(function, "__name__"):
        function = type(function).__call__  # a callable object
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    source = _normalised_source(code, code.co_filename) if isinstance(code, CodeType) else None
    scheme = NAME_SCHEME if source is None else SOURCE_SCHEME
    definition = str(getattr(function, "__name__", "")) if source is None else source
    text = chr(0).join(("wait-condition", str(key or ""), definition))
    return f"{scheme}:{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()}"


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
        if token.start >= (row, column):
            break  # at the start itself: the body is another lambda
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
