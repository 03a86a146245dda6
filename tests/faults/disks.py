"""A small disk of its own for a child process; it vanishes with the child."""

from __future__ import annotations

import ctypes
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from exchange.limits import KIB

_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000
_READ_ONLY, _REMOUNT, _DEEP, _PRIVATE = 1, 32, 0x4000, 0x40000


def on_small_disk(place: Path, kib: int, act: Callable[[], object]) -> None:
    """Run something in a child for which a folder is a disk of so many KiB. No database may be open here."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            _own_mounts()
            _mount("tmpfs", place, 0, f"size={kib}k")
            act()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0


def make_read_only(place: Path) -> None:
    """Let nobody write to the small disk any more, root neither."""
    _mount("tmpfs", place, _REMOUNT | _READ_ONLY, "")


def free_kib(place: Path) -> int:
    """Return what is free on a disk."""
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize // KIB


def fill(place: Path, leave_kib: int) -> Path:
    """Fill a disk up to so many free KiB, and return the file that does it."""
    filler = place / ".isi"
    filler.write_bytes(bytes(max(free_kib(place) - leave_kib, 0) * KIB))
    return filler


def _own_mounts() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.geteuid(), os.getegid()
    flags = _NEW_MOUNTS if user == 0 else _NEW_MOUNTS | _NEW_USER
    if libc.unshare(flags):
        raise OSError(ctypes.get_errno(), "unshare")
    if user:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    _mount("none", Path("/"), _DEEP | _PRIVATE, "")


def _mount(kind: str, place: Path, flags: int, options: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(kind.encode(), os.fsencode(place), kind.encode(), flags, options.encode()):
        raise OSError(ctypes.get_errno(), f"mount {place}")
