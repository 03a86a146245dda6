"""What an office orders: each order signed by its key, sealed to the server, and next in the chain of its orders.

Source:
    docs/format.md, section 9; docs/adr/0016-a-district-is-a-node-with-keys.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from exchange import errors, spool
from exchange.district.office import Office
from exchange.format.order import Order, Verb, encode_order, order_next
from exchange.limits import ORDER_BYTES_MAX
from exchange.packagefile import read_back, write_package
from exchange.records import PackageKind


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order that was written."""

    file: Path
    number: int
    verb: str
    bytes: int

    def as_json(self) -> dict[str, object]:
        """Return it under the names of ``kirim district report --json``."""
        return {"file": str(self.file), "number": self.number, "verb": self.verb, "bytes": self.bytes}


def order(office: Office, verb: Verb, content: bytes = b"", label: str = "", *, out: Path | None = None) -> Ordered:
    """Write one order: signed by this office, sealed to the server, next in the chain of its orders.

    Args:
        office: The office.
        verb: What is ordered.
        content: The list, CSV or Excel.
        label: Its name, for messages.
        out: Folder, which must be there; by default the home's outbox.

    Raises:
        NotCertified: KF-153. TooLarge: KF-207.
        DiskFull, FolderUnwritable: KF-701, KF-703.
    """
    grant = office.grant
    if out is not None:
        spool.named(out)
    folder = out or office.home / "outbox"
    with office.working():
        state, scope, identity = office.state, str(grant["scope"]), office.identity
        number, previous = int(state["number"]) + 1, bytes.fromhex(state["value"])
        plaintext = encode_order(Order(number, previous, office.clock(), verb, label, content))
        staged, sealed = write_package(
            office.home / "held",
            f"{grant['wilayah'].strip()}-{identity.key_id.hex()[:8]}",
            kind=PackageKind.SURAT,
            scope=scope,
            number=number,
            sender=identity,
            receivers=[office.server()],
            certificates=(),
            plaintext=[plaintext],
        )
        value = order_next(previous, plaintext).hex()
        state["number"], state["value"] = number, value
        state["orders"][str(number)] = {
            "verb": verb.name.lower(),
            "package_id": sealed.package_id.hex(),
            "value": value,
            "state": "sent",
            "file": staged.name,
        }
        office.save()  # a number is used for one file: until this is durable the file has no place where it is carried from
        path = spool.move(staged, folder, spool.free_name(folder, staged.stem, staged.suffix))
        read_back(path, identity, scope, sealed)
    return Ordered(path, number, verb.name.lower(), sealed.size)


def read_list(path: Path, read: Callable[[Path], object]) -> bytes:
    """Return the bytes of a list that an order carries.

    Args:
        path: The list.
        read: How the centre will read it: what it would refuse for its form alone is refused here, a trip earlier.

    Raises:
        FileUnreadable: KF-702. TooLarge: KF-207. WorkbookUnreadable, ColumnsMissing, InputRowBad: KF-211, KF-215, KF-109.
    """
    with spool.open_file(path) as file, spool.readable(path):
        data = file.read(ORDER_BYTES_MAX + 1)
    if len(data) > ORDER_BYTES_MAX:
        raise errors.TooLarge(part=path.name, limit=ORDER_BYTES_MAX)
    read(path)
    return data
