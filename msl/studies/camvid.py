"""The scales of CamVid, from day to dusk: real photographs, at 240x180 minutes a run on one CPU core.

At 480x360, the size of the data set, the same runs take a GPU. Both budgets give an adaptation the dose of the paper's,
λ · Σ lr = 0.35; no target label had a part in this choice.
"""

from msl.studies.scale import Scale

_DOMAINS = {"gta5": "camvid_day", "cityscapes": "camvid_dusk"}

# The budget is that of the recipe camvid_day_dusk. Output stride 16 halves the time of a step.
# Scores after each epoch, five of an adaptation, are the fewest that show whether a curve fluctuates.
CAMVID = Scale(
    "camvid",
    _DOMAINS,
    {
        "crop_size": (240, 180),
        "target_crop_size": (240, 180),
        "backbone": "mobilenet_v2",
        "output_stride": 16,
        "dilations": (1, 2, 4, 6),
        "weights": "imagenet",
        "batch_size": 4,
        "lr": 5e-3,
        "backbone_lr_ratio": 1.0,
        "freeze_stem_bn": False,
        "resize_labels": False,
        "iter_max": 770,
        "iter_stop": None,
        "epoch_iters": 60,
        "epoch_each_round": 1,
        "round_num": 5,
        "target_solo_epoch": 4,
        "lambda_target": 0.45,
        "eval_every": 60,
        "eval_images": None,
        "num_workers": 1,
        "encoder": "imagenet",
        "normalise_encoder": True,
        "style_size": 300,
        "style_resize": 300,
        "style_crop": 144,
        "style_batch_size": 1,
        "style_iters": 3000,
        "style_lr": 5e-4,
        "style_lr_decay": 1e-3,
        "identity_weight": 1000.0,
        "preview_every": 500,
    },
)

# 2.6 times the iterations, with the paper's output stride and dilations. Four jobs share a card: by the model of its
# memory (`msl.training.memory`), a batch of a domain needs 1.4 GB.
CAMVID_GPU = Scale(
    "camvid_gpu",
    _DOMAINS,
    {
        **CAMVID.settings,
        "crop_size": (480, 360),
        "target_crop_size": (480, 360),
        "output_stride": 8,
        "dilations": (6, 12, 18, 24),
        "precision": "bfloat16",
        "iter_max": 2000,
        "epoch_iters": 160,
        "lambda_target": 0.17,
        "eval_every": 160,
        "style_size": 512,
        "style_resize": 512,
        "style_crop": 256,
        "style_batch_size": 4,
    },
    needs={"cores": 2, "memory_gb": 4, "cards": 0.25},
)
