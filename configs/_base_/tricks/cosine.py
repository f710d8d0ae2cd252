"""Cosine decay to 0 over the epochs after warmup. Source: section 5.1, equation (1)."""

from tricklift.errors import UserError

tasks = ("cls",)
_warmup = [s for s in base.param_scheduler if s["type"] == "LinearLR"]
if _warmup and "warmup_epochs" not in base:
    raise UserError(
        "trick 'cosine': this config warms up, but does not say for how many epochs, which the "
        "cosine is to follow; add warmup_epochs = 5, or leave the trick out"
    )
param_scheduler = [
    *_warmup,
    dict(
        type="CosineAnnealingLR",
        eta_min=0.0,
        by_epoch=True,
        begin=base.warmup_epochs if _warmup else 0,
        end=base.train_cfg.max_epochs,
        convert_to_iter_based=True,
    ),
]
