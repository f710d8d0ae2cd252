"""mmdet's published VOC07+12 schedule: batch 16, lr 0.01, 12 epochs, a tenth from epoch 9 on."""

max_epochs = 12
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs, val_interval=3)
val_cfg = dict(type="ValLoop")
test_cfg = dict(type="TestLoop")
param_scheduler = [
    dict(type="MultiStepLR", by_epoch=True, begin=0, end=max_epochs, milestones=[9], gamma=0.1)
]
optim_wrapper = dict(
    type="OptimWrapper", optimizer=dict(type="SGD", lr=0.01, momentum=0.9, weight_decay=1e-4)
)
auto_scale_lr = dict(enable=True, base_batch_size=16)  # of train_dataloader.batch_size x GPUs
