"""The body: a stream in sealed chunks, the last one marked. Constant memory both ways.

Source:
    docs/format.md, section 1.5.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from exchange import errors, spool
from exchange.format.container import SEALED_CHUNK_BYTES
from exchange.limits import CHUNK_BYTES, MIB
from exchange.trust.front import reading

MEMORY_BYTES_MAX = MIB
"""Of one body held in memory; a larger one goes to an unnamed file."""

FILE_KEY_BYTES = 32


def split_file_key(file_key: bytes) -> tuple[bytes, bytes]:
    """Return the key of the body and the commitment (32 bytes each) that one file key gives.

    Source:
        docs/format.md, section 1.6.
    """
    both = HKDF(SHA256(), 64, None, b"kirim/1 isi").derive(file_key)
    return both[:32], both[32:]


def _nonce(counter: int, last: bool) -> bytes:
    return counter.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


def seal_chunks(body_key: bytes, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the sealed chunks of a plaintext.

    Args:
        body_key: Used for this one body and never again, so a counter is nonce enough.
        pieces: The plaintext in pieces of any size.
    """
    cipher, counter = AESGCM(body_key), 0
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        # A full chunk waits until a byte follows it: only then is it known not to be the last.
        while len(waiting) > CHUNK_BYTES:
            yield cipher.encrypt(_nonce(counter, False), bytes(waiting[:CHUNK_BYTES]), None)
            del waiting[:CHUNK_BYTES]
            counter += 1
    yield cipher.encrypt(_nonce(counter, True), bytes(waiting), None)


def open_chunks(body_key: bytes, body: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the plaintext of each chunk. Nothing of it may leave the caller before the last one has come.

    Args:
        body_key: Of this file.
        body: Stands at the body's first byte.
        size: Bytes of the body, which the header limits to sizes that chunks can fill.

    Raises:
        ChunkBad: KF-307, a chunk was changed, moved, left out or added.
        FileUnreadable: KF-702.
    """
    cipher, counter, left = AESGCM(body_key), 0, size
    while left > 0:
        with reading(body):
            sealed = body.read(min(left, SEALED_CHUNK_BYTES))
        left -= SEALED_CHUNK_BYTES
        try:
            yield cipher.decrypt(_nonce(counter, left <= 0), sealed, None)
        except InvalidTag as error:
            raise errors.ChunkBad() from error
        counter += 1


def disk(folder: Path | None) -> AbstractContextManager[None]:
    """Return a guard that turns what the operating system says of temporary space into our own errors.

    Raises:
        DiskFull: KF-701.
        FolderUnwritable: KF-703.
    """
    return spool.disk(folder or Path(tempfile.gettempdir()))


def private_spool(folder: Path | None) -> IO[bytes]:
    """Return a file without a name that stays in memory while it is small.

    Args:
        folder: Where it goes when it grows; the system's temporary folder if ``None``.
    """
    return tempfile.SpooledTemporaryFile(max_size=MEMORY_BYTES_MAX, dir=None if folder is None else str(folder))
