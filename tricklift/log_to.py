"""`--log-to tensorboard|wandb|mlflow`: mmengine's own backends, beside the log files of every run.

All get the same metrics by the same names, and the config. Logins, servers and modes are read by
wandb and mlflow themselves from the environment (WANDB_API_KEY, WANDB_MODE, MLFLOW_TRACKING_URI,
...): none of them is in a config or result.
"""

import os
import re
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmengine.config import Config

from tricklift.errors import UserError, did_you_mean

#: The project (wandb) or experiment (mlflow), unless the environment names one.
PROJECT = "tricklift"


def _tensorboard(run: str) -> dict[str, Any]:
    return dict(type="TensorboardVisBackend")


def _wandb(run: str) -> dict[str, Any]:
    project = os.environ.get("WANDB_PROJECT", PROJECT)
    return dict(type="WandbVisBackend", init_kwargs=dict(project=project, name=run))


def _mlflow(run: str) -> dict[str, Any]:
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if uri and re.search(r"://[^/@]*:[^/@]*@", uri):
        raise UserError(
            "--log-to mlflow: MLFLOW_TRACKING_URI holds a password, which the run's config would "
            "show; put it into MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        )
    if not uri or uri.startswith("file:"):  # newer versions want to be told that files will do
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    return dict(
        type="MLflowVisBackend",
        exp_name=os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT),
        run_name=run,
        tracking_uri=uri,
        artifact_suffix=(".json", ".log", ".py"),  # mlflow's own files in the work dir are .yaml
    )


#: Name -> its backend, and the package that it needs.
BACKENDS: dict[str, tuple[Callable[[str], dict[str, Any]], str]] = {
    "tensorboard": (_tensorboard, "tensorboard"),
    "wandb": (_wandb, "wandb"),
    "mlflow": (_mlflow, "mlflow"),
}


def add(cfg: Config, names: Sequence[str], run: str) -> None:
    """Adds backends to a config's visualizer, each once.

    Args:
        cfg: Changed in place.
        names: Of `BACKENDS`.
        run: What this run is called there.

    Raises:
        UserError: An unknown name, or one whose package is not installed.
    """
    for name in names:
        if name not in BACKENDS:
            known = ", ".join(BACKENDS)
            raise UserError(f"--log-to takes {known}, got {name!r}{did_you_mean(name, BACKENDS)}")
        backend, package = BACKENDS[name]
        if find_spec(package) is None:
            raise UserError(
                f"--log-to {name}: {package} is not installed; pip install {package} (or, in the "
                f"checkout, pip install -e '.[{name}]')"
            )
        visualizer = cfg.setdefault("visualizer", Config(dict(type="Visualizer"))._cfg_dict)
        held = list(visualizer.get("vis_backends") or [dict(type="LocalVisBackend")])
        made = backend(run)
        visualizer["vis_backends"] = [it for it in held if it["type"] != made["type"]] + [made]


def name_of(cfg: Config) -> str:
    """What a run is called: the last parts of its work dir, such as `cls/net/seed0`."""
    return "/".join(Path(cfg.work_dir).parts[-3:]).strip("/")


def split(text: str | None) -> list[str]:
    """`wandb,mlflow` -> its names."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]
