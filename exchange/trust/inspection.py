"""What anybody may see of a package, without a key: all of it claims, except whether the file is whole.

Source:
    docs/format.md, section 3 "Looking without a key".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from exchange import errors
from exchange.format.certificate import Certificate, decode_certificate
from exchange.format.container import Header
from exchange.trust.front import check_body, read_front


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file claims to be.

    Attributes:
        size: Bytes of the file, 0 if it could not be read.
        header: What its front says, or ``None`` if it has no readable one.
        package_id: What names it (32 bytes), empty without a header.
        certificates: What rides in the header, as far as it can be read.
        problem: Why it is not whole, or ``None``. Its text and code are for people.
    """

    size: int
    header: Header | None
    package_id: bytes
    certificates: tuple[Certificate, ...]
    problem: errors.ExchangeError | None

    @property
    def whole(self) -> bool:
        """Whether every byte that the header announces is there and unchanged since the header was made."""
        return self.problem is None


def inspect_package(file: BinaryIO) -> Inspection:
    """Return what anybody may see of a file. Damage is reported, never raised.

    Args:
        file: Open, seekable; anything at all may stand in it.

    Source:
        docs/format.md, section 3 "Looking without a key".
    """
    try:
        front = read_front(file)
    except errors.ExchangeError as problem:
        return Inspection(_size(file), None, b"", (), problem)
    found, certificates = None, []
    try:
        check_body(front, file)
        for body, _ in front.header.certificates:
            certificates.append(decode_certificate(body))
    except errors.ExchangeError as problem:
        found = problem
    return Inspection(front.size, front.header, front.package_id, tuple(certificates), found)


def _size(file: BinaryIO) -> int:
    try:
        return file.seek(0, 2)
    except OSError:
        return 0
