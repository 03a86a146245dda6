"""Kirim File: data of schools without internet, carried as signed and encrypted files.

These are the public names; a test pins the list. Each is imported when it is first used, so that a command pays only
for what it needs. What is not here may change without notice.

Example:
    >>> import exchange
    >>> issubclass(exchange.ExchangeError, Exception)
    True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from exchange.errors import ExchangeError as ExchangeError
    from exchange.ingest import apply_files as apply_files
    from exchange.ingest import ingest_paths as ingest_paths
    from exchange.nodes import SchoolNode as SchoolNode
    from exchange.nodes import ServerNode as ServerNode
    from exchange.packager import export as export
    from exchange.packager import write_returns as write_returns
    from exchange.registering import add_schools as add_schools
    from exchange.registering import init_server as init_server
    from exchange.registering import renew_code as renew_code
    from exchange.schema import SCHEMA as SCHEMA
    from exchange.school.enrol import init_school as init_school
    from exchange.trust.opening import inspect_package as inspect_package

__version__ = "0.1.0"

_HOMES = {
    "ExchangeError": "errors",
    "SCHEMA": "schema",
    "SchoolNode": "nodes",
    "ServerNode": "nodes",
    "add_schools": "registering",
    "apply_files": "ingest",
    "export": "packager",
    "ingest_paths": "ingest",
    "init_school": "school.enrol",
    "init_server": "registering",
    "inspect_package": "trust.opening",
    "renew_code": "registering",
    "write_returns": "packager",
}
"""Public name to the module that it comes from."""

__all__ = [
    "SCHEMA",
    "ExchangeError",
    "SchoolNode",
    "ServerNode",
    "__version__",
    "add_schools",
    "apply_files",
    "export",
    "ingest_paths",
    "init_school",
    "init_server",
    "inspect_package",
    "renew_code",
    "write_returns",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
