"""The gradient's norm over all weights is cut to 5. Not in the paper.

Source: Pascanu et al., ICML 2013, algorithm 1.
"""

from tricklift.errors import UserError

if base.optim_wrapper.get("clip_grad"):
    raise UserError(
        f"trick 'gradient_clipping': this config clips already, optim_wrapper.clip_grad="
        f"{dict(base.optim_wrapper.clip_grad)}; change that with --cfg-options "
        "optim_wrapper.clip_grad.max_norm=..."
    )
optim_wrapper = dict(clip_grad=dict(max_norm=5.0, norm_type=2))
