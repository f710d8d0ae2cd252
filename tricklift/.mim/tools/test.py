"""What `mim test tricklift CONFIG --checkpoint FILE` starts: the command `tricklift test`."""

import sys

from tricklift.cli import main

if __name__ == "__main__":
    main(["test", *sys.argv[1:]])
