"""Label sets (the classes a network predicts) and the ids by which data sets number them in their files.

The two are joined by class *names*: `LabelSet.table(ids)` turns a data set's raw ids into the label set's train
ids, so any data set can be read in any label set that shares classes with it (CamVid in Cityscapes' 19, say).
"""

from msl.labels.described import are_numbered, check_names, described_label_set, numbered_label_set, restored_label_set
from msl.labels.ids import CAMVID_IDS, CITYSCAPES_IDS, SYNTHIA_IDS, cityscapes_ids, train_ids
from msl.labels.label_set import IGNORE, MOST_CLASSES, RAW_IDS, UNKNOWN, Colour, LabelSet, RawIds
from msl.labels.published import LABEL_SETS, find_label_set

__all__ = [
    "CAMVID_IDS",
    "CITYSCAPES_IDS",
    "IGNORE",
    "LABEL_SETS",
    "MOST_CLASSES",
    "RAW_IDS",
    "SYNTHIA_IDS",
    "UNKNOWN",
    "Colour",
    "LabelSet",
    "RawIds",
    "are_numbered",
    "check_names",
    "cityscapes_ids",
    "described_label_set",
    "find_label_set",
    "numbered_label_set",
    "restored_label_set",
    "train_ids",
]
