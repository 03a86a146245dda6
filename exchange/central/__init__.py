"""The server's own changes: KIP lists, verval, dinas, pusat, reference rows, findings.

Each is a changeset of the centre in the scope of a school, recorded by :mod:`exchange.central.recording`; a return
brings it.
"""
