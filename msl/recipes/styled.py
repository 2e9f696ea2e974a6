"""Experiments on styled data: section 2 of the report that msl follows, and a small experiment for a CPU.

Both domains, or the source alone, are copied in a style; everything else is as in `paper`. Each experiment is one
command: it first makes the copies, and the decoder that draws them, if they do not exist. Copies are in the folder
``styled``, style images in ``DATA_ROOT/styles/ambulance``, the AdaIN port's encoder and its published decoder in
``DATA_ROOT/weights``. We have run none of those on GTA5; they take as long as the recipes that they change.
"""

from msl.recipes.paper import deeplabv3p, iw_ms, multi_ms_iw
from msl.recipes.recipe import Recipe
from msl.recipes.small import camvid_day_dusk

_PUBLISHED_STYLE_WEIGHT = 10.0  # with which the AdaIN port's decoder was trained


def trans(recipe: Recipe) -> Recipe:
    """GTA5 and Cityscapes in the style of four ambulances, drawn by the published decoder (2.1, 2.2).

    ``mlflow run . -e pretrain -P recipe=paper/trans -P data_root=FOLDER``, 65 source mIoU and 93.4 PA in the report
    ``mlflow run . -e adapt -P recipe=paper/trans -P data_root=FOLDER``
    """
    return _published(_ambulance(_long(iw_ms(recipe)), "ambulance"), "stylize")


def trans_multi(recipe: Recipe) -> Recipe:
    """`trans` with a second output (2.1, 2.2).

    ``mlflow run . -e adapt -P recipe=paper/trans_multi -P data_root=FOLDER``
    """
    return _published(_ambulance(_long(multi_ms_iw(recipe)), "ambulance"), "stylize")


def trans_retrain(recipe: Recipe) -> Recipe:
    """`trans_multi` with a decoder trained on GTA5 (2.3): 40.2 mIoU, 78.7 fwIoU and 87.6 PA in the report.

    ``mlflow run . -e adapt -P recipe=paper/trans_retrain -P data_root=FOLDER``
    """
    styled = _ambulance(_long(multi_ms_iw(recipe)), "ambulance_retrain")
    return styled.edit("train_style", content="gta5")


def trans_alpha1wts1(recipe: Recipe) -> Recipe:
    """`trans_multi`, decoder trained on both domains with style_weight 1 (2.4): 43.7 mIoU and 89.0 PA in the report.

    ``mlflow run . -e adapt -P recipe=paper/trans_alpha1wts1 -P data_root=FOLDER``
    """
    return _retrained(multi_ms_iw(recipe), "ambulance_gta5pcity_retrain_alpha1wts1", 1.0)


def trans_alpha1wts5(recipe: Recipe) -> Recipe:
    """`trans_alpha1wts1` with style_weight 5 (2.4).

    ``mlflow run . -e adapt -P recipe=paper/trans_alpha1wts5 -P data_root=FOLDER``
    """
    return _retrained(multi_ms_iw(recipe), "ambulance_retrain_alpha1stylewt5", 5.0)


def trans_alpha1wts0p5(recipe: Recipe) -> Recipe:
    """`trans_alpha1wts1` with style_weight 0.5, which is in the report's code and not in its text.

    ``mlflow run . -e adapt -P recipe=paper/trans_alpha1wts0p5 -P data_root=FOLDER``
    """
    return _retrained(multi_ms_iw(recipe), "ambulance_gta5pcity_retrain_alpha1wts0p5", 0.5)


def trans_alpha0p5wts10(recipe: Recipe) -> Recipe:
    """`trans_alpha1wts1` with style_weight 10; images take on half of the style.

    ``mlflow run . -e adapt -P recipe=paper/trans_alpha0p5wts10 -P data_root=FOLDER``
    """
    return _retrained(multi_ms_iw(recipe), "ambulance_gta5pcity_retrain_alpha0p5wts10", 10.0).edit("stylize", alpha=0.5)


def trans_deeplabv3p(recipe: Recipe) -> Recipe:
    """`deeplabv3p` on the copies of `trans_alpha1wts1`, with its target size (3.1, 3.3).

    ``mlflow run . -e pretrain -P recipe=paper/trans_deeplabv3p -P data_root=FOLDER``, -P lr=1e-3 for 3.2
    ``mlflow run . -e adapt -P recipe=paper/trans_deeplabv3p -P data_root=FOLDER``
    """
    network = deeplabv3p(recipe).edit(target_crop_size=(1280, 640))
    return _retrained(network, "ambulance_gta5pcity_retrain_alpha1wts1", 1.0)


def no_auxiliary(recipe: Recipe) -> Recipe:
    """GTA5 in the style of Cityscapes itself, no auxiliary domain (2.5): 43.0 mIoU and 87.6 PA in the report.

    ``mlflow run . -e adapt -P recipe=paper/no_auxiliary -P data_root=FOLDER``

    Each image takes on the style of one image of Cityscapes, chosen at random.
    """
    plain = _long(multi_ms_iw(recipe)).copies(gta5_cityscapes="gta5")
    plain = plain.edit("pretrain", "adapt", "bn", "target_solo", "self_train", source="gta5_cityscapes")
    plain = _with_port(plain.edit("train_style", "stylize", style="cityscapes"), "stylize")
    return plain.edit("train_style", content="gta5,cityscapes", style_weight=1.0).edit("stylize", shuffle_styles=True)


def joint_published(recipe: Recipe) -> Recipe:
    """The published decoder in front of the network, images of 1280×640 styled on the fly (2.6).

    ``mlflow run . -e joint_adain -P recipe=paper/joint_published -P data_root=FOLDER``
    """
    return _published(_joint(recipe), "joint_adain")


def joint_retrained(recipe: Recipe) -> Recipe:
    """`joint_published` with the decoder of `trans_alpha1wts1` (2.6).

    ``mlflow run . -e joint_adain -P recipe=paper/joint_retrained -P data_root=FOLDER``
    """
    return _joint(recipe)


def joint_decoder(recipe: Recipe) -> Recipe:
    """A decoder that continues to learn while the network learns, on quarters of images (2.6).

    ``mlflow run . -e joint_adain -P recipe=paper/joint_decoder -P data_root=FOLDER``
    """
    return _on_quarters(_joint(recipe)).edit("joint_adain", style_training="decoder", style_weight=1.0)


def joint_end_to_end(recipe: Recipe) -> Recipe:
    """A decoder that learns from the segmentation losses, on quarters of images (2.6).

    ``mlflow run . -e joint_adain -P recipe=paper/joint_end_to_end -P data_root=FOLDER``
    """
    return _on_quarters(_joint(recipe)).edit("joint_adain", style_training="end_to_end")


def camvid_ambulance(recipe: Recipe) -> Recipe:
    """`camvid_day_dusk` with both domains in the style of four ambulances.

    ``mlflow run . -e adapt -P recipe=camvid_ambulance -P data_root=FOLDER``
    """
    styled = camvid_day_dusk(recipe).copies(camvid_day_ambulance="camvid_day", camvid_dusk_ambulance="camvid_dusk")
    styled = styled.edit(
        "pretrain",
        "adapt",
        "bn",
        "target_solo",
        "self_train",
        source="camvid_day_ambulance",
        target="camvid_dusk_ambulance",
    )
    styled = styled.edit("train_style", "stylize", "joint_adain", style="ambulance")
    return styled.edit("stylize", shuffle_styles=False)


def camvid_no_auxiliary(recipe: Recipe) -> Recipe:
    """`camvid_day_dusk` with the day in the style of the dusk: each image in the style of one image, chosen at random.

    ``mlflow run . -e adapt -P recipe=camvid_no_auxiliary -P data_root=FOLDER``
    """
    styled = camvid_day_dusk(recipe).copies(camvid_day_camvid_dusk="camvid_day")
    return styled.edit("pretrain", "adapt", "bn", "target_solo", "self_train", source="camvid_day_camvid_dusk")


def camvid_fourier(recipe: Recipe) -> Recipe:
    """`camvid_no_auxiliary` by Fourier domain adaptation, without a network: only slow changes of colour are replaced.

    ``mlflow run . -e adapt -P recipe=camvid_fourier -P data_root=FOLDER``
    """
    return _without_network(recipe, "fourier")


def camvid_colour(recipe: Recipe) -> Recipe:
    """`camvid_no_auxiliary` by the mean and covariance of the colours, without a network.

    ``mlflow run . -e adapt -P recipe=camvid_colour -P data_root=FOLDER``
    """
    return _without_network(recipe, "colour")


def _without_network(recipe: Recipe, method: str) -> Recipe:
    name = f"camvid_day_camvid_dusk_{method}"
    styled = camvid_day_dusk(recipe).copies(**{name: "camvid_day"}).edit("stylize", method=method)
    return styled.edit("pretrain", "adapt", "bn", "target_solo", "self_train", source=name)


def _long(recipe: Recipe) -> Recipe:
    """The report's weight and number of rounds on styled data."""
    return recipe.edit(lambda_target=0.09).edit("adapt", round_num=20)


def _ambulance(recipe: Recipe, style: str) -> Recipe:
    """Both domains in the style of the ambulances."""
    source, target = f"gta5_{style}", f"cityscapes_{style}"
    copied = recipe.copies(**{source: "gta5", target: "cityscapes"})
    copied = copied.edit("pretrain", "adapt", "bn", "target_solo", "self_train", source=source, target=target)
    return _with_port(copied.edit("train_style", "stylize", style="ambulance"), "stylize")


def _with_port(recipe: Recipe, stage: str) -> Recipe:
    """The AdaIN port's encoder in a stage and in the training of its decoder; it is already normalised."""
    port = recipe.edit("train_style", stage, encoder="weights/vgg_normalised.pth")
    return port.edit("train_style", normalise_encoder=False)


def _published(recipe: Recipe, stage: str) -> Recipe:
    """The published decoder in a stage. A study at another scale trains one in its place, on both domains."""
    trained = recipe.edit("train_style", content="gta5,cityscapes", style_weight=_PUBLISHED_STYLE_WEIGHT)
    return trained.edit(stage, decoder="weights/decoder.pth")


def _retrained(recipe: Recipe, style: str, style_weight: float) -> Recipe:
    """Styled by a decoder that is trained on both domains."""
    styled = _ambulance(_long(recipe), style)
    return styled.edit("train_style", content="gta5,cityscapes", style_weight=style_weight)


def _joint(recipe: Recipe) -> Recipe:
    joint = multi_ms_iw(recipe).edit(
        "joint_adain",
        lambda_target=0.09,
        crop_size=(1280, 640),
        target_crop_size=(1280, 640),
        style="ambulance",
    )
    joint = joint.edit("train_style", content="gta5,cityscapes", style="ambulance", style_weight=1.0)
    return _with_port(joint, "joint_adain")


def _on_quarters(recipe: Recipe) -> Recipe:
    return recipe.edit(
        "joint_adain",
        quadrants=True,
        crop_size=(928, 464),
        target_crop_size=(928, 464),
        plateau_factor=0.9,
        plateau_patience=3,
        poly_power=0.0,
    )
