"""``python -m graphrun``: the same as the command ``graphrun``."""

from graphrun.cli import main

if __name__ == "__main__":
    main()
