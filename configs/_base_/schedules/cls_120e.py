"""The paper's baseline: 120 epochs, rate 0.1 at 256 images a step, divided by 10 at 30, 60, 90.

Source: arXiv:1812.01187, section 2.1: NAG, momentum 0.9, weight decay 1e-4, FP32.
"""

optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4),
)
param_scheduler = [dict(type="MultiStepLR", by_epoch=True, milestones=[30, 60, 90], gamma=0.1)]
warmup_epochs = 5  # what the warmup trick takes
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=120, val_interval=1)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
auto_scale_lr = dict(enable=False, base_batch_size=256)
