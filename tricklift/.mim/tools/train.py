"""What `mim train tricklift CONFIG` starts; see tricklift/train.py."""

from tricklift.train import train_main

if __name__ == "__main__":
    train_main()
