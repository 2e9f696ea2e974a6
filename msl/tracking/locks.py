"""Locks on files, which end with their process; and the file systems of networks, some of which have none."""

import errno
import fcntl
import logging
import os
from pathlib import Path
from typing import IO, Any, Final
from weakref import WeakSet

log = logging.getLogger("msl")

MOUNTS: Final = Path("/proc/self/mounts")
_WINDOWS_SHARES, _CLUSTERS = ("cifs", "smb3", "smbfs"), ("afs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs")
_NETWORK = ("nfs", "nfs4", "9p", "fuse.sshfs", *_WINDOWS_SHARES, *_CLUSTERS)
_NO_LOCKS = (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
_locked: "WeakSet[IO[Any]]" = WeakSet()


def lock(file: IO[Any], is_shared: bool = False, waits: bool = False) -> bool:
    """Lock an open file until it is closed or this process ends; False if another process has the lock.

    A fork of this process does not keep the lock: loading processes live for some seconds after a `kill -9`.

    A file system without locks gives every lock, and the log says so: there, only one process may train a run.

    Args:
        file: an open file.
        is_shared: several processes may have the lock, if all of them share it.
        waits: return when the lock is there.
    """
    kind = fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX
    try:
        fcntl.flock(file, kind if waits else kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        log.warning("%s: this file system has no locks (%s), so start a run only once", file.name, error.strerror)
    _locked.add(file)
    return True


def _leave_to_parent() -> None:
    """In a fork: close the files, so that the lock ends with the process that has it."""
    for file in list(_locked):
        file.close()


os.register_at_fork(after_in_child=_leave_to_parent)


def network_file_system(folder: Path, mounts: Path = MOUNTS) -> str | None:
    """The kind of network file system that a folder is on, such as ``nfs4``; None for a disk of this machine.

    Args:
        folder: a folder, which need not exist.
        mounts: the system's table of mounts; without it, every folder counts as local.
    """
    kinds = _kinds(mounts)
    levels = [folder.resolve(), *folder.resolve().parents]
    kind = next((kinds[str(level)] for level in levels if str(level) in kinds), None)
    return kind if kind in _NETWORK else None


def _kinds(mounts: Path) -> dict[str, str]:
    """The kind of file system by the folder where it is mounted; the last one that was mounted there counts."""
    try:
        lines = [line.split(" ") for line in mounts.read_text(errors="surrogateescape").splitlines()]
    except OSError:
        return {}
    return {_unescaped(fields[1]): fields[2] for fields in lines if len(fields) > 2}


def _unescaped(path: str) -> str:
    """A path as it is; the table writes a space, tab, line end and backslash as octal numbers."""
    for code in ("040", "011", "012", "134"):
        path = path.replace(f"\\{code}", chr(int(code, 8)))
    return path
