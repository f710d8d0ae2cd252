"""What every run has: a result file, TensorBoard where it is installed, seed 0, no resume."""

_base_ = []  # says that this is a classic config: mmengine takes an import for the lazy kind

from importlib.util import find_spec

custom_hooks = [dict(type="ResultHook")]
vis_backends = [dict(type="LocalVisBackend")]
if find_spec("tensorboard"):
    vis_backends.append(dict(type="TensorboardVisBackend"))
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="nccl"),
)
log_level = "INFO"
randomness = dict(seed=0)
load_from = None
resume = False
