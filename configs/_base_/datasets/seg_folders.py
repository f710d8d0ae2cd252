"""What all segmentation sets share: ADE20K layout, endless shuffling, one image at validation."""

train_dataloader = dict(
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(data_prefix=dict(img_path="images/training", seg_map_path="annotations/training")),
)
val_dataloader = dict(
    batch_size=1,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        data_prefix=dict(img_path="images/validation", seg_map_path="annotations/validation"),
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="IoUMetric", iou_metrics=["mIoU"])
test_evaluator = val_evaluator
