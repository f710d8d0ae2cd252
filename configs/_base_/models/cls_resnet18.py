"""ResNet-18 for the tiers that run on a CPU: flips, mild jitter, channels-last."""

model = dict(
    type="ImageClassifier",
    backbone=dict(name="resnet18_b", init="xavier"),
    num_classes=10,
    channels_last=True,
    data_preprocessor=dict(type="ClsPreprocessor", jitter=dict(strength=0.2)),
)
