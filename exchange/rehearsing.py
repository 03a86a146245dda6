"""A dry run: what taking or applying files would do, told by doing it and undoing it.

The very same steps run in one transaction that is rolled back, and with folders of their own for what would be kept, so
the report is the real one's. Nobody else can write to the store meanwhile.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeVar

from exchange import spool
from exchange.ingest import AppliedFiles, Ingested, apply_all, ingest_paths
from exchange.nodes import SchoolNode, ServerNode
from exchange.server.results import FileResult

T = TypeVar("T")
_FOLDER = "coba-"
"""Folder in a home for what a dry run keeps for a moment."""


class _UndoneError(Exception):
    """Ends a transaction that is to be undone."""


@contextmanager
def _undone(transaction: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    try:
        with transaction():
            yield
            raise _UndoneError
    except _UndoneError:
        pass


def rehearse_ingest(
    server: ServerNode, paths: Sequence[Path], *, on_file: Callable[[FileResult], object] | None = None
) -> Ingested:
    """Return what :func:`exchange.ingest.ingest_paths` would, and change nothing. Arguments and errors as there."""
    place = Path(tempfile.mkdtemp(prefix=_FOLDER, dir=server.home))
    try:
        for name in ("archive", "held", "quarantine"):
            (place / name).mkdir()
        with _undone(server.store.db.transaction):
            for kept in sorted((server.home / "held").glob("*.kirim")):
                with spool.open_file(kept) as file:
                    spool.keep(file, place / "held", kept.name)
            return ingest_paths(ServerNode(server.store, files=place), paths, on_file=on_file)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def rehearse_import(node: SchoolNode, take: Callable[[], T]) -> T:
    """Return what taking lists into a school's store gives, and change nothing.

    Args:
        node: The school.
        take: Takes them.
    """
    with _undone(node.store.transaction):
        return take()


def rehearse_apply(node: SchoolNode, paths: Sequence[Path]) -> AppliedFiles:
    """Return what :func:`exchange.ingest.apply_files` would, and change nothing. Arguments as there."""
    with _undone(node.store.transaction):
        return apply_all(node, paths)
