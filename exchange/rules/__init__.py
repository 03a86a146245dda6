"""Validation: what of a row cannot travel, and what an operator should look at. Pure functions; no SQL, no clock.

``columns`` judges values by column, ``local`` a whole school by tab, ``heads`` the gate of an export, ``unique`` keys
that two rows claim, ``kip`` the spelling of card numbers. The rules themselves are data, in ``findings``.
"""
