"""What `mim test tricklift CONFIG --checkpoint FILE` starts; see tricklift/train.py."""

from tricklift.train import test_main

if __name__ == "__main__":
    test_main()
