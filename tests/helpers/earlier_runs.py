"""What mmengine keeps of a run for the next one of the same process."""


def forget() -> None:
    """Names of runs are a config and a second: two runs of a process would share logs and hub.

    The default scope of a run stays as well, in which later ones would look things up, and so do
    the visualizers, one of each class, which write to the first run's folder.
    """
    from mmengine.logging import MessageHub, MMLogger
    from mmengine.registry import DefaultScope
    from mmengine.visualization import Visualizer

    for kept in (DefaultScope, MMLogger, MessageHub, Visualizer, *Visualizer.__subclasses__()):
        kept._instance_dict.clear()
