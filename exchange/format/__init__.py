"""Bytes to records and back, nothing of keys or stores. Only this room imports msgpack and zstandard."""
