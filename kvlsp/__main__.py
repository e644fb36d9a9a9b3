"""``python -m kvlsp``."""

from kvlsp.cli import main

if __name__ == "__main__":
    main()
