"""What every detection run has: logs with ETA, checkpoints, resume, a result file."""

_base_ = []  # says that this is a classic config: mmengine takes an import for the lazy kind

from importlib.util import find_spec

default_scope = "mmdet"
custom_imports = dict(imports=["det"], allow_failed_imports=False)
default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=50, log_metric_by_epoch=True),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=1),
    sampler_seed=dict(type="DistSamplerSeedHook"),
    visualization=dict(type="DetVisualizationHook"),
)
custom_hooks = [dict(type="ResultHook")]
vis_backends = [dict(type="LocalVisBackend")]
if find_spec("tensorboard"):
    vis_backends.append(dict(type="TensorboardVisBackend"))
visualizer = dict(type="DetLocalVisualizer", vis_backends=vis_backends, name="visualizer")
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="nccl"),
)
log_processor = dict(type="LogProcessor", window_size=50, by_epoch=True)
log_level = "INFO"
randomness = dict(seed=0)
load_from = None
resume = False
