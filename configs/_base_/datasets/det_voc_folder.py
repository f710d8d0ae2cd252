"""What small detection sets share: one folder in VOC layout, trainval and test, 11-point mAP."""

train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    batch_sampler=dict(type="AspectRatioBatchSampler"),
    dataset=dict(
        ann_file="ImageSets/Main/trainval.txt",
        data_prefix=dict(sub_data_root=""),
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    pin_memory=True,
    drop_last=False,
    sampler=dict(type="DefaultSampler", shuffle=False),
    dataset=dict(
        ann_file="ImageSets/Main/test.txt",
        data_prefix=dict(sub_data_root=""),
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="VOCMetric", metric="mAP", eval_mode="11points")
test_evaluator = val_evaluator
