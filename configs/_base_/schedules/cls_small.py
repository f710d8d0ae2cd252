"""The baseline recipe cut to 8 epochs, for small sets on a CPU, in bfloat16 throughout.

Rate 0.05 at 64 images a step, divided by 10 at 4 and 6 (later than the paper's quarters: few epochs
leave little time at the high rate); weight decay 5e-4 as is usual for sets of this size.
"""

optim_wrapper = dict(
    type="AmpOptimWrapper",
    dtype="bfloat16",
    optimizer=dict(type="SGD", lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4),
)
param_scheduler = [dict(type="MultiStepLR", by_epoch=True, milestones=[4, 6], gamma=0.1)]
warmup_epochs = 1  # what the warmup trick takes
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=8, val_interval=4)
val_cfg = dict(type="ValLoop", fp16=True)
test_cfg = dict(type="TestLoop", fp16=True)
auto_scale_lr = dict(enable=False, base_batch_size=64)
