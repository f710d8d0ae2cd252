"""Boxes of one's own: what stands here holds the place of what is found in them."""

_base_ = "det_bccd.py"
data_root = "{{$TRICKLIFT_ROOT:data}}/own-boxes"
train_dataloader = dict(
    dataset=dict(type="CheckedXMLDataset", data_root=data_root, metainfo=dict(classes=("object",)))
)
val_dataloader = train_dataloader
test_dataloader = val_dataloader
benchmark = dict(
    task="det",
    tier="own",
    dataset="own",
    protocol="mAP at IoU 0.5, 11-point, single scale, difficult ignored",
)
