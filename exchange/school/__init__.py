"""What only a school's laptop does: capture, the head's gate, returns applied, keys that ride."""
