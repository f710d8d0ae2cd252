"""What every classification run has: logs with ETA, checkpoints, resume, a result file."""

_base_ = []  # says that this is a classic config: mmengine takes an import for the lazy kind

from importlib.util import find_spec

custom_imports = dict(imports=["cls"], allow_failed_imports=False)
default_hooks = dict(
    logger=dict(type="LoggerHook", interval=50),
    checkpoint=dict(
        type="CheckpointHook",
        interval=1,
        max_keep_ckpts=1,
        save_best="accuracy/top1",
        rule="greater",
    ),
)
custom_hooks = [dict(type="ResultHook")]
vis_backends = [dict(type="LocalVisBackend")]
if find_spec("tensorboard"):
    vis_backends.append(dict(type="TensorboardVisBackend"))
visualizer = dict(type="Visualizer", vis_backends=vis_backends)
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="nccl"),
)
log_processor = dict(by_epoch=True, window_size=50)
log_level = "INFO"
randomness = dict(seed=0)
load_from = None
resume = False
