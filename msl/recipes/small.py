"""Experiments for a CPU: minutes on generated streets, a quarter of an hour on CamVid."""

from msl.recipes.recipe import Recipe


def streets(recipe: Recipe) -> Recipe:
    """The generated domains that msl brings along: minutes on two CPU cores, nothing to download.

    ``mlflow run . -e adapt``

    The paper's weight of 0.1 acts for about 30 000 iterations; in 250 iterations, a larger weight has about the same
    effect. The images are a fifth of the paper's size, so there is no blur, and the dilations stay within the features
    of 32×16.
    """
    return (
        recipe.edit(
            source="streets",
            target="streets_real",
            crop_size=(256, 128),
            gaussian_blur=False,
            backbone="mobilenet_v2",
            width=0.5,
            dilations=(2, 4, 8, 12),
            weights="none",
            batch_size=4,
            lr=1e-2,
            target_mode="IW_maxsquare",
            lambda_target=2.0,
        )
        .edit("pretrain", iter_max=700, iter_stop=None, eval_every=350)
        .edit("target_solo", round_num=8, target_solo_epoch=5)
        .edit("adapt", "target_solo", "self_train", "joint_adain", epoch_iters=50, epoch_each_round=1, eval_every=125)
        .edit("train_style", style_resize=128, style_crop=96, style_batch_size=4, style_iters=2000, preview_every=500)
        .edit("stylize", shuffle_styles=True)
    )


def streets_dusk(recipe: Recipe) -> Recipe:
    """The demo: generated streets by day, then the same kind of streets at dusk; minutes on two CPU cores.

    ``mlflow run . -e adapt -P recipe=streets_dusk``

    The backbone starts from weights that `streets_start` learned by day, in place of ImageNet's. Light, haze, tones and
    noise differ between the domains, tints do not. λ · Σ lr is about that of the paper's runs, 0.35.
    """
    return (
        streets(recipe)
        .edit(
            target="streets_dusk",
            width=0.75,
            output_stride=16,
            dilations=(1, 2, 4, 6),
            weights="streets",
            lr=5e-3,
            lambda_target=0.5,
        )
        .edit("pretrain", iter_max=300, eval_every=150)
        .edit("adapt", "target_solo", "self_train", "joint_adain", recalibrate=200)
    )


def streets_start(recipe: Recipe) -> Recipe:
    """The demo from random weights: half an hour by day on two CPU cores, where `streets_dusk` has minutes.

    ``mlflow run . -e adapt -P recipe=streets_start``

    Its pretraining, on 6 000 other streets, made the file of ``weights=streets`` (docs/results.md).
    """
    return (
        streets_dusk(recipe)
        .edit(weights="none")
        .edit("pretrain", batch_size=8, lr=2e-2, warmup_iters=100, iter_max=2200, eval_every=1100)
    )


def camvid_day_dusk(recipe: Recipe) -> Recipe:
    """CamVid's day sequences to its dusk sequence, 11 classes: real photographs, small enough for a CPU.

    ``mlflow run . -e adapt -P recipe=camvid_day_dusk -P data_root=FOLDER``
    """
    return (
        recipe.edit(
            source="camvid_day",
            target="camvid_dusk",
            crop_size=(240, 180),
            backbone="mobilenet_v2",
            weights="imagenet",
            batch_size=4,
            lr=5e-3,
        )
        .edit("pretrain", iter_max=770, iter_stop=None, eval_every=154)
        .edit("target_solo", round_num=8, target_solo_epoch=5)
        .edit("adapt", "target_solo", "self_train", "joint_adain", epoch_iters=60, epoch_each_round=1, eval_every=150)
        .edit("train_style", content="camvid_day,camvid_dusk", style="camvid_dusk", style_resize=300, style_crop=144)
        .edit("train_style", style_batch_size=1, style_iters=3000, style_lr=5e-4, style_lr_decay=1e-3)
        .edit("train_style", preview_every=500)
        .edit("train_style", "joint_adain", style_weight=0.1, identity_weight=1000.0)
        .edit("stylize", content="camvid_day", shuffle_styles=True)
        .edit("stylize", "joint_adain", style="camvid_dusk", style_size=300)
    )
