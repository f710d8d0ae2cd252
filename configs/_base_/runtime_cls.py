"""Classification: logs with ETA, the last and the best checkpoint."""

_base_ = "runtime.py"
custom_imports = dict(imports=["cls"], allow_failed_imports=False)
default_hooks = dict(
    logger=dict(type="LoggerHook", interval=50),
    checkpoint=dict(
        type="CheckpointHook",
        interval=1,
        max_keep_ckpts=2,
        save_best="accuracy/top1",
        rule="greater",
    ),
)
visualizer = dict(type="Visualizer", vis_backends=_base_.vis_backends)
log_processor = dict(by_epoch=True, window_size=50)
