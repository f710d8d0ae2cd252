"""The paper's VOC07+12 schedule: 20 epochs, lr 1e-3 an image, steps at 14 and 20, warmup.

The authors' code names 1e-3 without a batch; here the rate is scaled with the images a step. The
paper adds linear warmup: 1,000 iterations from a third, as their code has it where it warms up.
Gradients are clipped as in mmdet's older configs.
"""

max_epochs = 20
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs, val_interval=5)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
param_scheduler = [
    dict(type="LinearLR", start_factor=1 / 3, by_epoch=False, begin=0, end=1000),
    dict(type="MultiStepLR", by_epoch=True, begin=0, end=max_epochs, milestones=[14, 20]),
]
optim_wrapper = dict(
    type="OptimWrapper",
    optimizer=dict(type="SGD", lr=1e-3, momentum=0.9, weight_decay=5e-4),
    clip_grad=dict(max_norm=35),
)
auto_scale_lr = dict(enable=True, base_batch_size=1)  # of train_dataloader.batch_size x GPUs
