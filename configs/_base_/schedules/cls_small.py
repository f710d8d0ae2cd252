"""The baseline recipe in 24 epochs, for small sets on one core, in bfloat16 throughout.

Rate 0.03 at 64 images a step, divided by 10 at 16 and 22 (later than the paper's quarters: few
epochs leave little time at the high rate); weight decay 5e-4 as is usual for sets of this size.
"""

optim_wrapper = dict(
    type="AmpOptimWrapper",
    dtype="bfloat16",
    optimizer=dict(type="SGD", lr=0.03, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=True),
)
param_scheduler = [dict(type="MultiStepLR", by_epoch=True, milestones=[16, 22], gamma=0.1)]
warmup_epochs = 1  # what the warmup trick takes
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=24, val_interval=24)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
auto_scale_lr = dict(enable=False, base_batch_size=64)
