"""What every segmentation run has: logs with ETA, checkpoints, resume, a result file."""

_base_ = []  # says that this is a classic config: mmengine takes an import for the lazy kind

from importlib.util import find_spec

default_scope = "mmseg"
custom_imports = dict(imports=["seg"], allow_failed_imports=False)
default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(type="CheckpointHook", by_epoch=False, interval=100, max_keep_ckpts=1),
    sampler_seed=dict(type="DistSamplerSeedHook"),
    visualization=dict(type="SegVisualizationHook"),
)
custom_hooks = [dict(type="ResultHook")]
vis_backends = [dict(type="LocalVisBackend")]
if find_spec("tensorboard"):
    vis_backends.append(dict(type="TensorboardVisBackend"))
visualizer = dict(type="SegLocalVisualizer", vis_backends=vis_backends, name="visualizer")
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(backend="nccl"),
)
log_processor = dict(type="LogProcessor", window_size=50, by_epoch=False)
log_level = "INFO"
randomness = dict(seed=0)
load_from = None
resume = False
