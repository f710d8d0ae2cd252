"""Images and masks of one's own: what stands here holds the place of what is found in them."""

_base_ = "seg_camvid.py"
data_root = "{{$TRICKLIFT_ROOT:data}}/own-masks"
train_dataloader = dict(
    dataset=dict(
        type="CheckedSegDataset",
        data_root=data_root,
        metainfo=dict(classes=("background", "object")),
        reduce_zero_label=False,
    )
)
val_dataloader = train_dataloader
test_dataloader = val_dataloader
benchmark = dict(
    task="seg",
    tier="own",
    dataset="own",
    protocol="2 classes, single scale, whole image",
)
