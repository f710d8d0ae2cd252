"""What `mim test tricklift CONFIG --checkpoint FILE` starts; see tricklift/mim.py."""

from tricklift.mim import test_main

if __name__ == "__main__":
    test_main()
