"""The front of a file: size, frame, header, and whether the body behind it is whole.

Steps 1 to 3 and 7 of the order of checks; they need no key, so anybody can take them.

Source:
    docs/format.md, section 2.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from exchange import errors
from exchange.format import container
from exchange.format.container import Header
from exchange.limits import MIB, PACKAGE_BYTES_MAX

SMALL_BYTES = MIB
"""Files up to this size are read at once and stay in memory."""

_PASS_BYTES = MIB // 4


@dataclass(frozen=True, slots=True)
class Front:
    """What stands before the body, claims all of it.

    Attributes:
        size: Bytes of the whole file.
        prefix: Frame and header.
        header: What they say.
        package_id: What names the file (32 bytes).
        signature: The sender's (64 bytes), not yet checked.
        whole: All bytes of a small file, else empty.
    """

    size: int
    prefix: bytes
    header: Header
    package_id: bytes
    signature: bytes
    whole: bytes = field(repr=False, default=b"")

    @property
    def body_start(self) -> int:
        """Offset of the body's first byte."""
        return len(self.prefix) + container.SIGNATURE_BYTES

    def body(self, file: BinaryIO) -> BinaryIO:
        """Return a stream that stands at the body's first byte."""
        stream = io.BytesIO(self.whole) if self.whole else file
        stream.seek(self.body_start)
        return stream


@contextmanager
def reading(file: BinaryIO) -> Iterator[None]:
    """Turn what the operating system says of a file into our own error.

    Raises:
        FileUnreadable: KF-702.
    """
    try:
        yield
    except OSError as error:
        raise errors.FileUnreadable(file=str(getattr(file, "name", "file"))) from error


def read_front(file: BinaryIO) -> Front:
    """Return the front of a file.

    Raises:
        TooLarge: KF-207, more bytes than any package has.
        NotOurs: KF-201. FormatNewer: KF-202. HeaderBad: KF-203. FileCut: KF-204, it ends before its body.
        FileUnreadable: KF-702.

    Source:
        docs/format.md, section 2, steps 1 to 3.
    """
    with reading(file):
        size = file.seek(0, os.SEEK_END)
        if size > PACKAGE_BYTES_MAX:
            raise errors.TooLarge(part="file", limit=PACKAGE_BYTES_MAX)
        file.seek(0)
        data = file.read(size if size <= SMALL_BYTES else SMALL_BYTES)
    header_end = container.FRAME_BYTES + container.split_frame(data[: container.FRAME_BYTES])
    body_start = header_end + container.SIGNATURE_BYTES
    if len(data) < body_start:
        raise errors.FileCut(size=len(data), expected=body_start)
    prefix = data[:header_end]
    return Front(
        size,
        prefix,
        container.decode_header(prefix[container.FRAME_BYTES :]),
        container.package_id(prefix),
        data[header_end:body_start],
        data if len(data) == size else b"",
    )


def check_body(front: Front, file: BinaryIO) -> None:
    """Return only if the body has the length and the hash that the header announces.

    Raises:
        FileCut: KF-204. FilePadded: KF-205. BodyDamaged: KF-206.
        FileUnreadable: KF-702.

    Source:
        docs/format.md, section 2, step 7.
    """
    expected = front.body_start + front.header.body_bytes
    if front.size < expected:
        raise errors.FileCut(size=front.size, expected=expected)
    if front.size > expected:
        raise errors.FilePadded(size=front.size, expected=expected)
    digest, stream = hashlib.sha256(), front.body(file)
    with reading(file):
        while piece := stream.read(_PASS_BYTES):
            digest.update(piece)
    if digest.digest() != front.header.body_hash:
        raise errors.BodyDamaged()
