"""A package's manifest as bytes: one positional msgpack array in its one canonical encoding.

Source:
    docs/format-body.md, section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgpack

from exchange.errors import Malformed, SchemaNewer, TooLarge
from exchange.format.container import KEY_ID_BYTES
from exchange.limits import DISTRICTS_MAX, MANIFEST_BYTES_MAX, POSITIONS_MAX, RECEIPTS_MAX
from exchange.records import Answer, Approval, Counts, Digests, Manifest, Position, Receipt

_FAULTS = (ValueError, KeyError, IndexError, TypeError, OverflowError, UnicodeError, msgpack.UnpackException)
_UINT32 = 1 << 32
_ROOT = 16
"""Bytes of the digests' root."""


def encode_manifest(manifest: Manifest) -> bytes:
    """Return a manifest's bytes. Elements at the end that say nothing are left out.

    Raises:
        TooLarge: KF-207, more than 1 MiB.
    """
    m = manifest
    fields: list[object] = [
        m.schema,
        m.program,
        m.made_at,
        m.have.number,
        m.first.number,
        m.last,
        m.reference,
        m.have.value + m.first.value,
        _approval(m.approval, m.made_at),
        _digests(m.digests),
        _answer(m.answer),
        m.ledger,
        [_receipt(receipt) for receipt in m.receipts],
        [piece for position in m.have_older for piece in _flat(position)],
        [piece for position in m.first_older for piece in _flat(position)],
    ]
    while fields[-1] in (None, b"", []):
        fields.pop()
    data = bytes(msgpack.packb(fields, use_bin_type=True))
    if len(data) > MANIFEST_BYTES_MAX:
        raise TooLarge(part="manifest", limit=MANIFEST_BYTES_MAX)
    return data


def decode_manifest(data: bytes, schema_version: int) -> Manifest:
    """Return the manifest that bytes hold.

    Args:
        data: All of it.
        schema_version: The schema that this program knows.

    Raises:
        SchemaNewer: KF-209, it speaks of a schema that this program does not know; nothing else is judged.
        Malformed: KF-208, whatever else the bytes are.
    """
    try:
        found = _schema(data)
        if found > schema_version:
            raise SchemaNewer(found=found, known=schema_version)
        fields: list[Any] = msgpack.unpackb(data, raw=False, max_map_len=0, max_array_len=2 * POSITIONS_MAX)
        manifest = _read(fields)
        if encode_manifest(manifest) != data:
            raise Malformed(part="manifest is not canonical")
    except _FAULTS as error:
        raise Malformed(part="manifest") from error
    return manifest


def _schema(data: bytes) -> int:
    """Return the first element, which every schema has; a later one may hold what this program cannot even unpack."""
    reader = msgpack.Unpacker(max_buffer_size=16)
    reader.feed(data[:16])  # an array's header and a whole number are shorter
    if not reader.read_array_header():
        return 0
    first = reader.unpack()
    return first if type(first) is int else 0


def _flat(position: Position) -> tuple[int, bytes]:
    return position.number, position.value


def _approval(approval: Approval | None, made_at: int) -> object:
    a = approval
    return None if a is None else [a.role, a.consent, made_at - a.made_at, a.assignment + a.signature]


def _digests(digests: Digests | None) -> object:
    if digests is None:
        return None
    tables = sorted(digests.tables.items())
    values = b"".join([digests.root, *(value for _, (_, value) in tables)])
    return [values, *(piece for number, (count, _) in tables for piece in (number, count))]


def _answer(answer: Answer | None) -> object:
    if answer is None:
        return None
    returned = [piece for position in answer.returned for piece in _flat(position)]
    lost = [piece for position in answer.lost for piece in _flat(position)]
    districts = [b"".join(answer.districts)] if answer.districts else []
    return [answer.value, *_flat(answer.shared), returned, lost, *districts]


def _receipt(r: Receipt) -> list[object]:
    c = r.counts
    counts = [c.applied, c.same, c.conflict, c.refused, c.held]
    return [r.package_id, r.number, r.device, r.first, r.last, r.value, r.plaintext, counts, r.outcomes, r.previous,
            r.made_at, r.code, r.signature]  # fmt: skip


def _read(fields: Sequence[Any]) -> Manifest:
    if type(fields) is not list or not 8 <= len(fields) <= 15:
        raise Malformed(part="manifest")
    fields = fields + [None] * (15 - len(fields))
    schema, program, made_at, have, first, last, reference, values = fields[:8]
    approval, digests, answer, ledger, receipts, have_older, first_older = fields[8:]
    values = _bytes(values, 16)
    if type(program) is not str or len(program) > 16:
        raise Malformed(part="program")
    return Manifest(
        schema=_uint(schema),
        program=program,
        made_at=_uint(made_at),
        have=_position(have, values[:8]),
        first=_position(first, values[8:]),
        last=_uint(last),
        reference=_uint(reference),
        approval=None if approval is None else _read_approval(approval, made_at),
        digests=None if digests is None else _read_digests(digests),
        receipts=tuple(_read_receipt(one) for one in _listed(receipts, RECEIPTS_MAX)),
        ledger=b"" if ledger is None or ledger == b"" else _bytes(ledger, 32),
        have_older=_positions(have_older),
        first_older=_positions(first_older),
        answer=None if answer is None else _read_answer(answer),
    )


def _uint(value: object) -> int:
    if type(value) is not int or not 0 <= value < _UINT32:
        raise Malformed(part="number")
    return value


def _bytes(value: object, size: int) -> bytes:
    if type(value) is not bytes or len(value) != size:
        raise Malformed(part="bytes")
    return value


def _position(number: object, value: object) -> Position:
    return Position(_uint(number), _bytes(value, 8))


def _listed(value: object, most: int) -> list[Any]:
    if value is None:
        return []
    if type(value) is not list or len(value) > most:
        raise Malformed(part="list")
    return value


def _positions(value: object) -> tuple[Position, ...]:
    found = _listed(value, 2 * POSITIONS_MAX)
    return tuple(_position(number, at) for number, at in zip(found[::2], found[1::2], strict=True))


def _read_approval(value: Any, made_at: int) -> Approval:
    role, consent, before, signed = value
    if type(before) is not int:
        raise Malformed(part="approval")
    signed = _bytes(signed, 16 + 64)
    return Approval(_uint(role), signed[:16], _uint(consent), _uint(made_at - before), signed[16:])


def _read_digests(value: Any) -> Digests:
    joined, *rest = value
    joined = _bytes(joined, _ROOT + 4 * len(rest))
    values = (joined[at : at + 8] for at in range(_ROOT, len(joined), 8))
    tables = {
        _uint(number): (_uint(count), digest)
        for number, count, digest in zip(rest[::2], rest[1::2], values, strict=True)
    }
    return Digests(joined[:_ROOT], tables)


def _read_answer(value: Any) -> Answer:
    total, shared, shared_value, returned, lost, *rest = value
    if len(rest) > 1:
        raise Malformed(part="answer")
    return Answer(
        value=_bytes(total, 32),
        shared=_position(shared, shared_value),
        returned=_positions(returned),
        lost=_positions(lost),
        districts=_read_districts(rest[0]) if rest else (),
    )


def _read_districts(value: object) -> tuple[bytes, ...]:
    if type(value) is not bytes or len(value) % KEY_ID_BYTES or not 1 <= len(value) // KEY_ID_BYTES <= DISTRICTS_MAX:
        raise Malformed(part="districts")
    return tuple(value[at : at + KEY_ID_BYTES] for at in range(0, len(value), KEY_ID_BYTES))


def _read_receipt(value: Any) -> Receipt:
    package, number, device, first, last, chain, plain, counts, outcomes, previous, made_at, code, signature = value
    applied, same, conflict, refused, held = (_uint(count) for count in counts)
    return Receipt(
        package_id=_bytes(package, 32),
        number=_uint(number),
        device=_bytes(device, 8),
        first=_uint(first),
        last=_uint(last),
        value=_bytes(chain, 32),
        plaintext=_bytes(plain, 32),
        counts=Counts(applied, same, conflict, refused, held),
        outcomes=_bytes(outcomes, 32),
        previous=_bytes(previous, 32),
        made_at=_uint(made_at),
        code=_uint(code),
        signature=_bytes(signature, 64),
    )
