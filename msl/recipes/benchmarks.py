"""The benchmarks of the field, set up as the paper describes them.

Chen, Xue and Cai, *Domain Adaptation for Semantic Segmentation with Maximum Squares Loss*, ICCV 2019. They need
a GPU with 12 GB or more. Pretraining then takes about a day and adaptation about half a day (estimated from the
iterations, not measured).
"""

from msl.recipes.recipe import Recipe


def gta5_cityscapes(recipe: Recipe) -> Recipe:
    """GTA5 to Cityscapes with the maximum squares loss: Chen et al., ICCV 2019, table 1.

    ``mlflow run . -e adapt -P recipe=gta5_cityscapes -P data_root=FOLDER``

    Pretraining stops after 80 000 iterations of a schedule of 200 000, adaptation takes 29 760. The paper reports
    36.9 mIoU for source only and 44.3 for this, from weights that were also trained on COCO; this recipe starts from
    ImageNet.
    """
    return (
        recipe.edit(
            source="gta5",
            target="cityscapes",
            crop_size=(1280, 720),
            target_crop_size=(1024, 512),
            backbone="resnet101",
            weights="imagenet",
            batch_size=1,
            lr=2.5e-4,
            target_mode="maxsquare",
            lambda_target=0.1,
            eval_images=500,
            num_workers=4,
        )
        .edit("pretrain", iter_max=200_000, iter_stop=80_000, eval_every=5000)
        .edit("adapt", "target_solo", "self_train", epoch_iters=2976)
        .edit("adapt", round_num=5)
    )


def gta5_cityscapes_iw(recipe: Recipe) -> Recipe:
    """`gta5_cityscapes` with image-wise weights: 45.2 mIoU in the paper.

    ``mlflow run . -e adapt -P recipe=gta5_cityscapes_iw -P data_root=FOLDER``
    """
    return gta5_cityscapes(recipe).edit(target_mode="IW_maxsquare", iw_ratio=0.2)


def gta5_cityscapes_multi(recipe: Recipe) -> Recipe:
    """`gta5_cityscapes` with a second output, guided by both outputs: larger target images, lambda_target 0.09.

    ``mlflow run . -e adapt -P recipe=gta5_cityscapes_multi -P data_root=FOLDER``
    """
    return gta5_cityscapes(recipe).edit(
        multi=True, lambda_seg=0.1, threshold=0.95, lambda_target=0.09, target_crop_size=(1280, 640)
    )


def gta5_cityscapes_iw_multi(recipe: Recipe) -> Recipe:
    """`gta5_cityscapes` with image-wise weights and guidance: 46.4 mIoU in the paper, 43 to 45 in reproductions.

    ``mlflow run . -e adapt -P recipe=gta5_cityscapes_iw_multi -P data_root=FOLDER``

    The stage target_solo takes 40 epochs, the last 20 of them on the target alone.
    """
    return gta5_cityscapes_multi(recipe).edit(target_mode="IW_maxsquare", iw_ratio=0.2)


def gta5_cityscapes_deeplabv3p(recipe: Recipe) -> Recipe:
    """`gta5_cityscapes_iw` with DeepLabV3+, two images in a step because BatchNorm after its image pooling needs them.

    ``mlflow run . -e adapt -P recipe=gta5_cityscapes_deeplabv3p -P data_root=FOLDER``
    """
    return gta5_cityscapes_iw(recipe).edit(network="deeplabv3plus", batch_size=2, lambda_target=0.09)


def synthia_cityscapes(recipe: Recipe) -> Recipe:
    """SYNTHIA to Cityscapes with the maximum squares loss, 16 classes: Chen et al., ICCV 2019.

    ``mlflow run . -e adapt -P recipe=synthia_cityscapes -P data_root=FOLDER``

    As `gta5_cityscapes`: 80 000 iterations of pretraining, 29 760 of adaptation. `mIoU` is over the 16 classes;
    `mIoU_13` is over the 13 classes without wall, fence and pole.
    """
    return gta5_cityscapes(recipe).edit(source="synthia", crop_size=(1280, 760))


def synthia_cityscapes_iw(recipe: Recipe) -> Recipe:
    """`synthia_cityscapes` with image-wise weights.

    ``mlflow run . -e adapt -P recipe=synthia_cityscapes_iw -P data_root=FOLDER``
    """
    return synthia_cityscapes(recipe).edit(target_mode="IW_maxsquare", iw_ratio=0.2)


def synthia_cityscapes_iw_multi(recipe: Recipe) -> Recipe:
    """`synthia_cityscapes` with image-wise weights and guidance: 41.4 mIoU and 48.2 mIoU_13 in the paper.

    ``mlflow run . -e adapt -P recipe=synthia_cityscapes_iw_multi -P data_root=FOLDER``
    """
    return gta5_cityscapes_iw_multi(recipe).edit(source="synthia", crop_size=(1280, 760))


def cityscapes_crosscity(recipe: Recipe) -> Recipe:
    """Cityscapes to a city of CrossCity with the maximum squares loss, 13 classes: Chen et al., ICCV 2019.

    ``mlflow run . -e adapt -P recipe=cityscapes_crosscity -P target=crosscity_rio -P data_root=FOLDER``

    The city is Rome unless `target` names another. Pretraining takes 80 000 iterations, and all cities share it;
    adaptation takes ten epochs of 3 200 iterations. mIoU in the paper for source only and for this recipe: Rome 51.0
    and 53.9, Rio 48.9 and 52.0, Tokyo 47.8 and 49.7, Taipei 46.3 and 49.8.
    """
    return (
        gta5_cityscapes(recipe)
        .edit(
            source="cityscapes",
            target="crosscity_rome",
            label_set="crosscity13",
            crop_size=(1024, 512),
            threshold=0.98,
        )
        .edit("adapt", "target_solo", "self_train", epoch_iters=None)
    )


def cityscapes_crosscity_iw(recipe: Recipe) -> Recipe:
    """`cityscapes_crosscity` with image-wise weights: Rome 54.5, Rio 53.3, Tokyo 50.5, Taipei 50.6 in the paper.

    ``mlflow run . -e adapt -P recipe=cityscapes_crosscity_iw -P target=crosscity_rio -P data_root=FOLDER``
    """
    return cityscapes_crosscity(recipe).edit(target_mode="IW_maxsquare", iw_ratio=0.2)
