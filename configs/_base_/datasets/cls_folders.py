"""What all classification sets share: ImageFolder layout, shuffling, collation, metrics."""

train_dataloader = dict(
    persistent_workers=True,
    pin_memory=True,
    drop_last=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    collate_fn=dict(type="default_collate"),
    dataset=dict(type="ClassFolders"),
)
val_dataloader = dict(
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    collate_fn=dict(type="default_collate"),
    dataset=dict(type="ClassFolders"),
)
test_dataloader = val_dataloader
val_evaluator = dict(type="TopKAccuracy")
test_evaluator = val_evaluator
