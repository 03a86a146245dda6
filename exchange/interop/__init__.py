"""Excel and CSV in and out: the lists that operators and offices already have."""
