"""A run of two steps on a few pictures, for each task."""

LEAVES = {
    "cls": "cls/mini/resnet18_d-tricks",
    "det": "det/mini/faster_rcnn_fpn",
    "seg": "seg/mini/fcn",
}
FEW = {
    "train_dataloader.batch_size": 4,
    "+train_dataloader.dataset.indices": 8,
    "+val_dataloader.dataset.indices": 4,
    "default_hooks.logger.interval": 1,
    "optim_wrapper": {
        "_delete_": True,
        "type": "OptimWrapper",
        "optimizer": {"type": "SGD", "lr": 1e-4},
    },
    **{
        f"{split}_dataloader.{key}": value
        for split in ("train", "val")
        for key, value in (("num_workers", 0), ("persistent_workers", False))
    },
}
#: Two steps.
SHORT = {
    "cls": {"train_cfg.max_epochs": 1, "model.backbone.width": 0.25, "model.channels_last": False},
    "det": {"train_cfg.max_epochs": 1},
    "seg": {"train_cfg.max_iters": 2, "train_cfg.val_interval": 2},
}
