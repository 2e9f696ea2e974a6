"""Logins that cost strangers time: wrong passwords are counted by account and by address, and waits grow.

Whoever has logged in with the same name and password before is let in without a wait, so nobody can lock out an account
by guessing at it. Each server process counts for itself.
"""

import hmac
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Protocol

_LOG = logging.getLogger("msl.service")
_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 300.0
_FORGOTTEN_AFTER_S = 3600.0
_REMEMBERED = 10_000  # accounts and addresses, and as many logins


class Account(Protocol):
    """What the gate needs to know of an account."""

    is_admin: bool

    @property
    def username(self) -> str:
        """The account's name."""


Authenticate = Callable[[str, str], Account | None]  # name and password


@dataclass
class _Failures:
    """The wrong passwords of one account or address."""

    number: int = 0
    last_s: float = 0.0

    def wait_s(self, free: int) -> float:
        """How long to wait after the last one; the first `free` cost nothing."""
        if self.number < free:
            return 0.0
        return min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(self.number - free, 20))


class WaitError(Exception):
    """Too many wrong passwords; the next one is checked after `wait_s` seconds."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"too many wrong passwords; try again in {wait_s:.0f} s")
        self.wait_s = wait_s


class Logins:
    """Checks names and passwords."""

    def __init__(
        self,
        authenticate: Authenticate,
        has_account: Callable[[str], bool],
        waste_time: Callable[[str], object],
        account_failures: int,
        address_failures: int,
    ) -> None:
        """Wrap the check of a password.

        Args:
            authenticate: gives the account of a name and a password.
            has_account: whether there is an account of this name.
            waste_time: takes as long as the check of this password; it is called for names without an account.
            account_failures: wrong passwords of one account that cost nothing.
            address_failures: wrong passwords of one address that cost nothing.
        """
        self._authenticate, self._has_account, self._waste_time = authenticate, has_account, waste_time
        self._free = {"account": account_failures, "address": address_failures}
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()
        self._successes: OrderedDict[bytes, None] = OrderedDict()
        self._key = secrets.token_bytes(32)
        self._lock = Lock()

    def log_in(self, name: str, password: str, address: str) -> Account | None:
        """The account, or None if the password is wrong.

        Raises:
            WaitError: this account or this address has sent too many wrong passwords.
        """
        mark = hmac.digest(self._key, f"{name}\0{password}".encode(errors="surrogatepass"), "sha256")
        counted = (("account", name), ("address", address))
        if mark not in self._successes and (wait_s := max(self._wait_s(*who) for who in counted)) > 0:
            raise WaitError(wait_s)
        account = self._authenticate(name, password)
        if account is None:
            self._count_failure(name, password, address)
        else:
            self._remember(mark, name)
        return account

    def _wait_s(self, kind: str, value: str) -> float:
        failures = self._failures.get((kind, value), _Failures())
        passed_s = monotonic() - failures.last_s
        return 0.0 if passed_s > _FORGOTTEN_AFTER_S else max(0.0, failures.wait_s(self._free[kind]) - passed_s)

    def _count_failure(self, name: str, password: str, address: str) -> None:
        if not self._has_account(name):
            self._waste_time(password)
        with self._lock:
            numbers = [self._add(who) for who in (("account", name), ("address", address))]
        _LOG.warning(
            "wrong password of %r from %s: %d of this account, %d of this address", name[:64], address, *numbers
        )

    def _add(self, who: tuple[str, str]) -> int:
        failures = self._failures.pop(who, _Failures())
        if monotonic() - failures.last_s > _FORGOTTEN_AFTER_S:
            failures = _Failures()
        self._failures[who] = _Failures(failures.number + 1, monotonic())
        if len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)
        return failures.number + 1

    def _remember(self, mark: bytes, name: str) -> None:
        with self._lock:
            self._failures.pop(("account", name), None)
            self._successes[mark] = None
            if len(self._successes) > _REMEMBERED:
                self._successes.popitem(last=False)
