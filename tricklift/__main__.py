"""`python -m tricklift` is the command `tricklift`."""

from tricklift.cli import main
from tricklift.compat import shadow
from tricklift.suite.parent import tie

if __name__ == "__main__":
    shadow.last()
    tie()
    main()
