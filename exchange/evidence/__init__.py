"""What can be proved afterwards, from archive and keys: receipts on paper, replay, rebuild, verification."""
