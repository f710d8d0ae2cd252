"""What `mim train tricklift CONFIG` starts: the command `tricklift train`."""

import sys

from tricklift.cli import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]])
