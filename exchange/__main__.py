"""``python -m exchange`` is ``kirim``."""

from exchange.cli import main

if __name__ == "__main__":
    main()
