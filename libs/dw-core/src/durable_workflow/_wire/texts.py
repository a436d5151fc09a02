"""What exceptions say, whatever class they are of."""


def error_text(error: BaseException) -> str:
    """The message of an exception; one whose own `__str__` raises is reported all the same."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 (code of the author may raise anything)
        return "<exception str() failed>"
