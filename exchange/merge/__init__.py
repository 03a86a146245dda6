"""Decisions: pure functions of a policy and both sides' values and origins. No SQL, no clock."""
