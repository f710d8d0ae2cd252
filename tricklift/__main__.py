"""`python -m tricklift` is the command `tricklift`."""

from tricklift.cli import main

if __name__ == "__main__":
    main()
