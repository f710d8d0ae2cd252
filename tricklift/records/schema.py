"""What writers and readers of result files agree on. Import-free, so that readers start fast."""

#: Rises when a field changes its meaning.
SCHEMA = 1
#: In the work dir of every run.
RESULT_FILE = "result.json"
#: Beside it: held by the process that trains there.
LOCK_FILE = ".lock"
#: The row of a detector or segmenter whose backbone starts from random weights.
RANDOM_INIT = "random init"
#: In a checkpoint's `meta`: what its weights are, see `tricklift.records.checkpoint_metadata`.
CHECKPOINT_KEY = "tricklift"
