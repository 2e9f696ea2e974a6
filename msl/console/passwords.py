"""Addresses hold passwords, and error messages of libraries hold addresses."""

import re

_PASSWORD = re.compile(r"(://[^\s/:@'\"]*:)[^\s/'\"]+@")  # a password may hold an @; the address goes on after the last


def masked(text: str) -> str:
    """The text with *** in place of every password in an address."""
    return _PASSWORD.sub(r"\1***@", text)
