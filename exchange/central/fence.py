"""How far an office's word reaches: rows of schools of its region, naming none of another's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from exchange import errors, regions
from exchange.interop.lists import ChangeRow
from exchange.schema.model import Column, Policy, Table
from exchange.store import rows
from exchange.store.server import ServerStore


class Fence:
    """Refuses what lies outside an office's region.

    Args:
        server: The store.
        region: ``kode_wilayah`` of the office.
        file: Name of the list, for messages.
    """

    def __init__(self, server: ServerStore, region: str, file: str) -> None:
        self._server, self._region, self._file = server, region, file
        self._inside: dict[str, bool] = {}

    def holds(self, sekolah_id: str) -> bool:
        """Whether a school lies in the region."""
        if sekolah_id not in self._inside:
            self._inside[sekolah_id] = regions.holds(self._server.db, self._region, sekolah_id)
        return self._inside[sekolah_id]

    def check(self, sekolah_id: str, line: int, what: str) -> None:
        """Return only if a school lies in the region.

        Args:
            sekolah_id: The school.
            line: Row of the list, from 1.
            what: What the list names there.

        Raises:
            OutsideRegion: KF-157.
        """
        if not self.holds(sekolah_id):
            raise errors.OutsideRegion(file=self._file, row=line, what_lies=what, region=self._region.strip())

    def check_owned(self, table: Table, lines: Iterable[ChangeRow]) -> None:
        """Return only if lines set what the dinas alone sets, and delete no row of a table in which schools have a say.

        Raises:
            NotAnOffices: KF-158.
        """
        is_whole = all(group.policy is Policy.DINAS for group in table.groups)
        for line in lines:
            column = table.by_name.get(line.column)
            if not is_whole and (column is None or table.group_of[column.name].policy is not Policy.DINAS):
                raise errors.NotAnOffices(file=self._file, row=line.line, column=line.column)

    def check_region(self, region: str, line: int) -> None:
        """Return only if a region lies in the office's.

        Raises:
            OutsideRegion: KF-157, also for a region that nobody knows.
        """
        if regions.padded(self._region) not in regions.lineage(self._server.db, regions.padded(region)):
            raise errors.OutsideRegion(
                file=self._file, row=line, what_lies=f"wilayah {region.strip()}", region=self._region.strip()
            )

    def check_named(self, table: Table, values: Mapping[Column, object], line: int) -> None:
        """Return only if no value names a row of a school elsewhere: nobody reaches over the border by a parent.

        Raises:
            OutsideRegion: KF-157.
        """
        for column, value in values.items():
            other = self._server.schema.by_name.get(column.ref or "")
            if value is None or other is None or other.is_reference:
                continue
            found = rows.fetch(self._server.db, other, (), [str(value)]).get(str(value))
            if found is not None and found[-1] is not None:
                self.check(str(found[-1]), line, f"{column.name} {value}")
