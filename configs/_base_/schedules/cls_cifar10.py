"""The baseline recipe cut to 15 epochs, for small sets on a CPU, in bfloat16 throughout.

Rate 0.02 at 64 images a step (without warmup a higher one stays at chance for the first epochs),
divided by 10 at 11 and 14 (later than the paper's quarters: few epochs leave little time at the
high rate); weight decay 5e-4 as is usual for sets of this size.
"""

optim_wrapper = dict(
    type="AmpOptimWrapper",
    dtype="bfloat16",
    optimizer=dict(type="SGD", lr=0.02, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=True),
)
param_scheduler = [dict(type="MultiStepLR", by_epoch=True, milestones=[11, 14], gamma=0.1)]
warmup_epochs = 1  # what the warmup trick takes
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=15, val_interval=15)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
auto_scale_lr = dict(enable=False, base_batch_size=64)
