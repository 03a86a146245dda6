"""The program with one place spoiled at a time: do the tests notice? ``python -m tests.mutation``, ``docs/correctness.md`` 5."""
