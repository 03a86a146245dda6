"""A district office: its keys and orders at its own place, and what the centre does with an order."""
