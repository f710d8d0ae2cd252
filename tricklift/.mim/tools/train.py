"""What `mim train tricklift CONFIG` starts; see tricklift/mim.py."""

from tricklift.mim import train_main

if __name__ == "__main__":
    train_main()
