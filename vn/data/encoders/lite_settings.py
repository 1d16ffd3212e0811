"""What the features of ``efficientnet-lite0`` are, in all its revisions (`vn.data.encoders.efficientnet`)."""

SIZE = 160  # pixels; 224 takes twice the time without better features on simple scenes
GRID = (2, 4)
EARLY_BLOCK = 4
HUES = 12
HUE_SCALE = 10.0  # scales colour shares to the spread of the network's features
# ImageNet's statistics, which this port of the weights expects.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
