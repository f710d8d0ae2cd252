"""Which runs are those of our classifier."""

from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from cls.model import ImageClassifier


def classifier_of(runner: Runner) -> ImageClassifier | None:
    """The run's model, if it is our classifier."""
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    return model if isinstance(model, ImageClassifier) else None
