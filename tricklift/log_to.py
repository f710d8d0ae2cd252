"""`--log-to tensorboard|wandb|mlflow`: mmengine's own backends, beside the log files of every run.

All get the same metrics by the same names, and the config. Logins, servers and modes are read by
wandb and mlflow themselves from the environment (WANDB_API_KEY, WANDB_MODE, MLFLOW_TRACKING_URI,
...): none of them is in a config or result.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tricklift.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from mmengine.config import Config

#: The project (wandb) or experiment (mlflow), unless the environment names one.
PROJECT = "tricklift"


def _tensorboard(run: str) -> dict[str, Any]:
    return dict(type="TensorboardVisBackend")


def _wandb(run: str) -> dict[str, Any]:
    project = os.environ.get("WANDB_PROJECT", PROJECT)
    return dict(type="WandbVisBackend", init_kwargs=dict(project=project, name=run))


def _mlflow(run: str) -> dict[str, Any]:
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if _files(uri):  # newer versions want to be told that files will do
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    return dict(
        type="MLflowVisBackend",
        exp_name=os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT),
        run_name=run,
        tracking_uri=uri,
        artifact_suffix=(".json", ".log", ".py"),  # mlflow's own files in the work dir are .yaml
    )


def _files(uri: str | None) -> bool:
    return not uri or uri.startswith("file:")


#: Name -> its backend, and the package that it needs.
BACKENDS: dict[str, tuple[Callable[[str], dict[str, Any]], str]] = {
    "tensorboard": (_tensorboard, "tensorboard"),
    "wandb": (_wandb, "wandb"),
    "mlflow": (_mlflow, "mlflow"),
}


#: Exit code of the program below.
NO_LOGIN = 3
#: Programs that ask a tracker whether it would take a run, each in a process of its own: these
#: libraries keep threads and settings. What goes wrong is the last line on stderr.
_ASK_WANDB = f"""
import sys, wandb
offline = wandb.setup().settings.mode in ("offline", "dryrun", "disabled")
sys.exit(0 if offline or wandb.login(prompt=False, verify=False) else {NO_LOGIN})
"""
_ASK_MLFLOW = """
import os, mlflow
mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])
mlflow.get_experiment_by_name("x")
"""


def known(names: Sequence[str]) -> None:
    """Refuses a tracker that there is not.

    Raises:
        UserError: Says which there are.
    """
    for name in names:
        if name not in BACKENDS:
            listed = ", ".join(BACKENDS)
            raise UserError(f"--log-to takes {listed}, got {name!r}{did_you_mean(name, BACKENDS)}")


def check(names: Sequence[str]) -> None:
    """Refuses before any work what would end a run at its start; asks a server of mlflow.

    Raises:
        UserError: An unknown name, one whose package is not installed, no login, a password in an
            address, or a server that cannot be reached.
    """
    known(names)
    for name in names:
        _, package = BACKENDS[name]
        if find_spec(package) is None:
            raise UserError(
                f"--log-to {name}: {package} is not installed; pip install {package} (or, in the "
                f"checkout, pip install -e '.[{name}]')"
            )
        if name == "wandb":
            _check_wandb()
        elif name == "mlflow":
            _check_mlflow(os.environ.get("MLFLOW_TRACKING_URI"))


def _check_wandb() -> None:
    code, said = _asked(_ASK_WANDB, WANDB_SILENT="true")
    if code == NO_LOGIN:
        raise UserError(
            "--log-to wandb: nobody is logged in; run 'wandb login', set WANDB_API_KEY, or set "
            "WANDB_MODE=offline to keep the run in files"
        )
    if code:
        raise UserError(f"--log-to wandb: it cannot start ({said}); correct its WANDB_ variables")


def _check_mlflow(uri: str | None) -> None:
    if uri and re.search(r"://[^/@]*:[^/@]*@", uri):
        raise UserError(
            "--log-to mlflow: MLFLOW_TRACKING_URI holds a password, which the run's config would "
            "show; put it into MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
        )
    if _files(uri):
        return
    code, said = _asked(
        _ASK_MLFLOW, MLFLOW_HTTP_REQUEST_MAX_RETRIES="1", MLFLOW_HTTP_REQUEST_TIMEOUT="10"
    )
    if code:
        raise UserError(
            f"--log-to mlflow: {uri} takes no runs ({said}); correct MLFLOW_TRACKING_URI and its "
            "login, start the server, or unset it to keep the run in files"
        )


def _asked(program: str, **settings: str) -> tuple[int, str]:
    """Exit code of a program, and the last line that it says of an error."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        env={**os.environ, **settings},
    )
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return done.returncode, (lines or ["no reason given"])[-1][:300]


def add(cfg: "Config", names: Sequence[str], run: str) -> None:
    """Adds backends to a config's visualizer, each once.

    Args:
        cfg: Changed in place.
        names: Of `BACKENDS`.
        run: What this run is called there.

    Raises:
        UserError: As of `check`, which the first of several processes makes.
    """
    from mmengine.config import Config  # slow to import, and completion needs the names alone

    if os.environ.get("RANK", "0") == "0":
        check(names)
    for name in names:
        visualizer = cfg.setdefault("visualizer", Config(dict(type="Visualizer"))._cfg_dict)
        held = list(visualizer.get("vis_backends") or [dict(type="LocalVisBackend")])
        made = BACKENDS[name][0](run)
        visualizer["vis_backends"] = [it for it in held if it["type"] != made["type"]] + [made]


def name_of(cfg: "Config") -> str:
    """What a run is called: the last parts of its work dir, such as `cls/net/seed0`."""
    return "/".join(Path(cfg.work_dir).parts[-3:]).strip("/")
