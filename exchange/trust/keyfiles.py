"""Private keys at rest: owner-only files, the head's under a passphrase besides.

Source:
    docs/format.md, section 3.10.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from exchange import errors, spool
from exchange.format import container
from exchange.format.certificate import KeyKind
from exchange.limits import PASSPHRASE_CHARACTERS_MIN
from exchange.trust.keys import SIGN_SEED_BYTES, Identity, PublicIdentity
from exchange.trust.wraps import SEAL_SEED_BYTES

_PLAIN = b"kirim/1 berkas kunci\x00"
_HEAD = b"kirim/1 kunci kepala\x00"
_FILE_BYTES_MAX = 512
_SALT_BYTES = 16
_NONCE_BYTES = 12
_SEALED_BYTES = 32 + container.TAG_BYTES


@dataclass(frozen=True, slots=True)
class Argon2Cost:
    """What guessing one passphrase costs (RFC 9106).

    Attributes:
        memory_kib: Memory in KiB.
        passes: Times over it.
        lanes: Lanes.
    """

    memory_kib: int = 64 * 1024
    passes: int = 3
    lanes: int = 4

    def is_bearable(self) -> bool:
        """Whether a reader computes it: what a file asks for is limited before any memory is taken."""
        return 8 * self.lanes <= self.memory_kib <= 256 * 1024 and 1 <= self.passes <= 16 and 1 <= self.lanes <= 16


HEAD_COST = Argon2Cost()
"""64 MiB, 3 passes, 4 lanes: about 0.4 s."""


def save_identity(path: Path, identity: Identity) -> None:
    """Write private keys to a file that only its owner can read, whole or not at all, durable on return.

    Raises:
        FileExists: KF-705, keys are never overwritten.
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    kind, verify_key = int(identity.kind), identity.public.verify_key
    fields: list[container.Canonical] = [1, kind, identity.suite, verify_key, identity.sign_seed, identity.seal_seed]
    _write(path, _PLAIN + container.pack([*fields, _sum(fields)]))


def load_identity(path: Path) -> Identity:
    """Return the private keys of a file.

    Raises:
        KeysMissing: KF-111, there is no such file or it is no key file.
    """
    fields = _read(path, _PLAIN, 7)
    form, kind, suite, verify_key, sign_seed, seal_seed, checksum = fields
    parts = [(verify_key, (32,)), (sign_seed, (0, SIGN_SEED_BYTES)), (seal_seed, (0, SEAL_SEED_BYTES))]
    shaped = all(type(b) is bytes and len(b) in sizes for b, sizes in parts)
    # A bit that rotted away would otherwise show as "sealed for somebody else", and nobody would look here.
    if form != 1 or not _known(kind, suite) or not shaped or checksum != _sum(fields[:-1]):
        raise errors.KeysMissing(file=str(path))
    identity = Identity(KeyKind(kind), suite, sign_seed, seal_seed, b"" if sign_seed else verify_key)  # type: ignore[arg-type]
    if identity.public.verify_key != verify_key:
        raise errors.KeysMissing(file=str(path))
    return identity


def _sum(fields: list[container.Canonical]) -> bytes:
    return hashlib.sha256(_PLAIN + container.pack(fields)).digest()[:8]


def save_head_key(
    path: Path,
    identity: Identity,
    passphrase: str,
    *,
    cost: Argon2Cost = HEAD_COST,
    replace: bool = False,
    random: Callable[[int], bytes] = os.urandom,
) -> None:
    """Write the head's signing key under the head's passphrase.

    Args:
        path: Owner-only file.
        identity: Of kind KEPALA; it has no seal key.
        passphrase: At least 12 characters, of any kind.
        cost: Of guessing.
        replace: Whether a file that stands there is replaced: for a new passphrase.
        random: Gives n random bytes.

    Raises:
        PassphraseShort: KF-107.
        FileExists: KF-705.
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    check_passphrase(passphrase)
    salt, nonce = random(_SALT_BYTES), random(_NONCE_BYTES)
    front = _front(identity.public, cost, salt, nonce)
    sealed = AESGCM(_passphrase_key(passphrase, cost, salt)).encrypt(
        nonce, identity.sign_seed, _HEAD + container.pack(front)
    )
    _write(path, _HEAD + container.pack([*front, sealed]), replace=replace)


def check_passphrase(passphrase: str) -> None:
    """Return only if a new passphrase is long enough. There is no rule of composition.

    Raises:
        PassphraseShort: KF-107.

    Example:
        >>> check_passphrase("kuda makan apel")
    """
    length = len(unicodedata.normalize("NFC", passphrase))
    if length < PASSPHRASE_CHARACTERS_MIN:
        raise errors.PassphraseShort(length=length, least=PASSPHRASE_CHARACTERS_MIN)


def head_public(path: Path) -> PublicIdentity:
    """Return whose key a head's file holds, as it says itself, without the passphrase.

    Raises:
        KeysMissing: KF-111, there is no such file or it is no head's key.
    """
    return _read_head(path)[0]


def open_head_key(path: Path, passphrase: str) -> Identity:
    """Return the head's signing key.

    Raises:
        KeysMissing: KF-111, there is no such file, it is no head's key, or it asks for more work than we do.
        PassphraseWrong: KF-106, or the file was changed: nobody can tell which.
    """
    public, cost, salt, nonce, sealed = _read_head(path)
    bound = _HEAD + container.pack(_front(public, cost, salt, nonce))
    try:
        seed = AESGCM(_passphrase_key(passphrase, cost, salt)).decrypt(nonce, sealed, bound)
    except InvalidTag as error:
        raise errors.PassphraseWrong() from error
    return Identity(public.kind, public.suite, seed)


def _front(public: PublicIdentity, cost: Argon2Cost, salt: bytes, nonce: bytes) -> list[container.Canonical]:
    return [1, int(public.kind), public.suite, public.verify_key, cost.memory_kib, cost.passes, cost.lanes, salt, nonce]


def _read_head(path: Path) -> tuple[PublicIdentity, Argon2Cost, bytes, bytes, bytes]:
    form, kind, suite, verify_key, memory, passes, lanes, salt, nonce, sealed = _read(path, _HEAD, 10)
    whole = [form, kind, suite, memory, passes, lanes]
    parts = [(verify_key, 32), (salt, _SALT_BYTES), (nonce, _NONCE_BYTES), (sealed, _SEALED_BYTES)]
    if not all(type(n) is int for n in whole) or not all(type(b) is bytes and len(b) == size for b, size in parts):
        raise errors.KeysMissing(file=str(path))
    cost = Argon2Cost(memory, passes, lanes)  # type: ignore[arg-type]
    if form != 1 or not _known(kind, suite) or kind != KeyKind.KEPALA or not cost.is_bearable():
        raise errors.KeysMissing(file=str(path))
    public = PublicIdentity(KeyKind.KEPALA, suite, verify_key, b"")  # type: ignore[arg-type]
    return public, cost, salt, nonce, sealed  # type: ignore[return-value]


def _known(kind: object, suite: object) -> bool:
    return type(kind) is int and type(suite) is int and kind in set(KeyKind) and suite in container.SUITES


def _passphrase_key(passphrase: str, cost: Argon2Cost, salt: bytes) -> bytes:
    # One passphrase typed on two keyboards may come composed or decomposed.
    text = unicodedata.normalize("NFC", passphrase).encode("utf-8", "surrogatepass")
    kdf = Argon2id(salt=salt, length=32, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory_kib)
    return kdf.derive(text)


def _read(path: Path, magic: bytes, count: int) -> list[container.Canonical]:
    try:
        with path.open("rb") as file:
            data = file.read(_FILE_BYTES_MAX + 1)
        if not data.startswith(magic) or len(data) > _FILE_BYTES_MAX:
            raise errors.KeysMissing(file=str(path))
        fields = container.unpack(data[len(magic) :], "key file")
    except (OSError, errors.HeaderBad) as error:
        raise errors.KeysMissing(file=str(path)) from error
    if len(fields) != count:
        raise errors.KeysMissing(file=str(path))
    return fields


def _write(path: Path, data: bytes, *, replace: bool = False) -> None:
    spool.sweep(path.parent)  # what a killed program left half written is a key too, also where one replaces another
    # A file of the spool is made with mode 0600, so no moment passes in which others could read it.
    spool.put(path.parent, path.name, lambda file: file.write(data), replace=replace)
