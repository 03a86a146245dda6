"""Every maximum that the exchange knows, with its unit and its reason.

Reaching one is an error with a code (KF-207), never a slow afternoon.
"""

KIB = 1024
MIB = 1024 * KIB

PACKAGE_BYTES_MAX = 512 * MIB
"""One sealed file. A school of 2,500 pupils sends about 1.3 MB at most; this is 400 times that."""

HEADER_BYTES_MAX = 16_384
"""The header that anybody may read: four hybrid wraps and four certificates fill 11 kB."""

MANIFEST_BYTES_MAX = MIB
"""The manifest, held in memory whole."""

CHUNK_BYTES = 64 * KIB
"""Plaintext of one sealed chunk."""

WINDOW_BYTES_MAX = 8 * MIB
"""zstd window: what a reader must hold to unpack."""

UNPACKED_BYTES_MAX = 2 * 1024 * MIB
"""All changesets of one package after unpacking."""

UNPACK_RATIO_MAX = 200
"""Unpacked bytes per packed byte, beyond the first :data:`UNPACK_FREE_BYTES`: a full export of made-up, very regular data reaches about 40."""

UNPACK_FREE_BYTES = 16 * MIB
"""Unpacked bytes for which no ratio is asked."""

CHANGESETS_MAX = 10_000
"""Changesets in one package: two years of several exports a day without one answer."""

BLOCK_ROWS_MAX = 4_096
"""Rows of one block: one bulk statement, and what a reader holds in memory."""

BLOCK_BYTES_MAX = 16 * MIB
"""Encoded bytes of one block: 4,096 rows of 4 kB."""

BLOCKS_MAX = 100_000
"""Blocks of one changeset."""

IDS_MAX = 65_536
"""Ids that a changeset's numbering holds before it starts anew."""

TEXT_CHARACTERS_MAX = 100_000
"""One text value. The longest declared column has 500; ``text`` columns and damaged ones may hold more."""

MSGPACK_DEPTH_MAX = 4
"""Nesting of arrays in a manifest."""

OUTCOME_BYTES_MAX = 64 * MIB
"""Outcome list of one changeset: 500,000 refused rows."""

RECEIPTS_MAX = 512
"""Receipts in one return."""

POSITIONS_MAX = 20_000
"""Positions and chain values that a manifest may name."""

NUMBER_AHEAD_MAX = 1_000_000
"""Files by which a receipt may lie ahead of a laptop's own count: three centuries of ten exports a day."""

EXPORT_LEVEL = 10
"""zstd level of a package: level 19 is 30 times slower and gains 6 to 8 percent."""

PASSPHRASE_CHARACTERS_MIN = 12
"""The head's passphrase; no rule of composition."""

SECONDS_MAX = 2**32 - 1
"""Seconds since 1970 that a package can name, until 2106: a clock that shows more is wrong, and so is one before 1970."""

EXAMPLES_MAX = 10
"""Examples shown for one cause in a report."""

WORKBOOK_BYTES_MAX = 64 * MIB
"""An Excel file offered for import."""

WORKBOOK_ROWS_MAX = 200_000
"""Rows of one sheet: forty of the largest schools."""

ZIP_MEMBERS_MAX = 20_000
"""Packages in one ZIP: every school of the largest districts."""

ZIP_BYTES_MAX = 4 * 1024 * MIB
"""All members of one ZIP after unpacking."""

ZIP_LIST_BYTES_MAX = 8 * MIB
"""The list of members at a ZIP's end: 20,000 with names of 300 bytes."""

SCHEMA_VERSION = 1
"""Version of the exchanged tables: it grows when a table or a column is added (``exchange/schema/tables.py``)."""

ACT_BYTES_MAX = 1024 * MIB
"""What one act of the centre did, unpacked: an SK list for a million pupils."""

DISTRICTS_MAX = 3
"""Districts to which one school's packages are sealed as well: a header has room for four wraps, and the server's is one."""

ORDER_BYTES_MAX = 8 * MIB
"""A district's order: a list of 50,000 changes."""

ORDER_SCHOOLS_MAX = 500
"""Schools or codes in one order: each brings a prefill into its answer."""

ANSWER_BYTES_MAX = 256 * MIB
"""The server's answer to an order: 500 prefills of half a megabyte."""
