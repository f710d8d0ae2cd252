"""What writers and readers of result files agree on. Import-free, so that readers start fast."""

#: Rises when a field changes its meaning. Since 2, `config_hash` counts what decides the numbers
#: alone, and `version` and `data` are there: hashes of schema 1 compare with one another alone.
SCHEMA = 2
READABLE = (1, 2)
#: In the work dir of every run.
RESULT_FILE = "result.json"
#: Beside it: held by the process that trains there.
LOCK_FILE = ".lock"
#: The row of a detector or segmenter whose backbone starts from random weights.
RANDOM_INIT = "random init"
#: In a checkpoint's `meta`: what its weights are, see `tricklift.records.checkpoint_metadata`.
CHECKPOINT_KEY = "tricklift"
#: In the environment of a run that `tricklift run` began: a digest of what it was begun with, which
#: the result keeps (`begun_with`).
BEGUN_WITH = "TRICKLIFT_BEGUN_WITH"
#: How files of weights end; `.pth.tar` is one of them.
WEIGHT_ENDINGS = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".tar")
