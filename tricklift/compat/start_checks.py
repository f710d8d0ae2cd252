"""What is refused before the first step of a run, whatever command it was begun with."""

from typing import Any

from mmengine.hooks import Hook

from tricklift.compat.empty_loader import check_steps
from tricklift.compat.spelling import check_top_level


class StartChecks(Hook):
    """Refuses a run that would not do what its config says.

    Raises:
        UserError: A top-level name of a config with `benchmark` labels is misspelt, or there are
            too few images for one batch.
    """

    priority = "VERY_HIGH"

    def before_run(self, runner: Any) -> None:
        """Refuses a misspelt name in the config."""
        if "benchmark" in runner.cfg:
            check_top_level(runner.cfg)

    def before_train(self, runner: Any) -> None:
        """Refuses a training without a step."""
        check_steps(runner.train_dataloader)
