import torch

from cls.metrics import TopKAccuracy


def test_top1_and_top5_by_hand():
    # Of four images the label stands first, second, fifth and not at all among the best five.
    ranked = [[7, 1, 2, 3, 4], [1, 7, 2, 3, 4], [1, 2, 3, 4, 7], [1, 2, 3, 4, 5]]
    metric = TopKAccuracy()
    metric.process(None, [{"label": 7, "ranked": torch.tensor(row)} for row in ranked])
    assert metric.evaluate(size=4) == {"accuracy/top1": 25.0, "accuracy/top5": 75.0}


def test_fewer_than_five_classes():
    metric = TopKAccuracy()
    metric.process(None, [{"label": 1, "ranked": torch.tensor([0, 1, 2])}])
    assert metric.evaluate(size=1) == {"accuracy/top1": 0.0, "accuracy/top5": 100.0}
