"""``python -m pneumoscope``."""

from pneumoscope.cli import main

if __name__ == "__main__":
    main()
