"""`python -m tricklift` is the command `tricklift`."""

from tricklift.cli import main
from tricklift.suite.parent import tie

if __name__ == "__main__":
    tie()
    main()
