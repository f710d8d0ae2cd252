"""ResNet-50 with the paper's augmentation; 1000 classes."""

model = dict(
    type="ImageClassifier",
    backbone=dict(name="resnet50_b", init="xavier"),
    num_classes=1000,
    data_preprocessor=dict(type="ClsPreprocessor", jitter=dict(form="paper")),
)
