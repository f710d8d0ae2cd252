"""Detection: logs with ETA, the last checkpoint; images differ in size, so no cuDNN search."""

_base_ = "runtime.py"
default_scope = "mmdet"
custom_imports = dict(imports=["det"], allow_failed_imports=False)
default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=50, log_metric_by_epoch=True),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(type="CheckpointHook", interval=1, max_keep_ckpts=2),
    sampler_seed=dict(type="DistSamplerSeedHook"),
    visualization=dict(type="DetVisualizationHook"),
)
visualizer = dict(type="DetLocalVisualizer", vis_backends=_base_.vis_backends, name="visualizer")
env_cfg = dict(cudnn_benchmark=False)
log_processor = dict(type="LogProcessor", window_size=50, by_epoch=True)
