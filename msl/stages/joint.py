"""The stage joint_adain: adaptation with a style network in front of the segmentation network."""

from pathlib import Path

import torch

from msl import schema
from msl.checkpoints.style import load_transfer
from msl.config import JointAdainConfig
from msl.data import CropTransform, Joined, Paired, Stream
from msl.models import SegmentationNetwork
from msl.models.devices import place, prepare
from msl.recipes import Request
from msl.stages.assembly import Extension, Front, Job, Plan
from msl.stages.course import run
from msl.stages.inputs import data_root
from msl.stages.runs import Outcome
from msl.stages.style_inputs import fetch_decoder, find_decoder, last_checkpoint_of, open_styles, weights_file
from msl.stages.style_training import train_style
from msl.stages.training import PRETRAIN, adapt_terms
from msl.style.front import StyleFront, front_of
from msl.tracking import Client
from msl.training import Callback, Term
from msl.training.callbacks import LowerOnPlateau, TrainDecoder
from msl.training.objectives.style_reconstruction import StyleReconstruction

_STYLE = "style"  # stream and term of the decoder's own losses


def joint_adain(request: Request) -> Outcome:
    """As `adapt`, on images of both domains that are styled on the fly, also when they are scored."""
    return run(request, JOINT_ADAIN)


def _front(client: Client, request: Request, config: JointAdainConfig, run_id: str, folder: Path) -> Front:
    """The style network with its styles; the decoder of a finished train_style run, or of one that is run now."""
    root = data_root(config.runtime)
    styles = open_styles(config.look, root)
    reference = config.network.decoder or _decoder(client, request.for_style("train_style"), run_id)
    transfer = load_transfer(
        fetch_decoder(reference, root, folder), weights_file(config.network.encoder, root), config.look.style_size
    )
    front = place(StyleFront(transfer, config.look.alpha, config.joint.style_training), prepare(config.runtime))
    front.take_on(front.transfer.prepare([image.to(front.mean.device) for image in styles.tensors()]), config.look)
    return Front(module=front, input=styles.input, decoder=reference)


def _decoder(client: Client, request: Request, run_id: str) -> str:
    return last_checkpoint_of(find_decoder(client, request) or train_style(request, run_id).run_id)


def _extension(job: Job, model: SegmentationNetwork, position: int) -> Extension:
    """What the decoder and the plateau add to an adaptation."""
    config, front = job.config, front_of(model)
    assert isinstance(config, JointAdainConfig)
    assert front is not None
    callbacks: dict[str, Callback] = {}
    if config.joint.style_training != "frozen":
        callbacks["decoder"] = TrainDecoder(front.transfer.decoder, config.losses)
    if config.joint.plateau_factor is not None:
        callbacks["plateau"] = LowerOnPlateau(config.joint.plateau_factor, config.joint.plateau_patience)
    if config.joint.style_training != "decoder":
        return Extension(callbacks=callbacks)
    objective = StyleReconstruction(config.losses, front.transfer)
    stream = _stream(job, config, front.mean.device, position)
    return Extension(terms=[Term(_STYLE, objective)], streams={_STYLE: stream}, callbacks=callbacks)


def _stream(job: Job, config: JointAdainConfig, device: torch.device, position: int) -> Paired:
    """Squares of both domains' images and of style images, scaled as the style network sees them."""
    content = Joined([job.data.trained[role] for role in job.plan.trains_on])
    side = min(job.data.sizes[schema.SOURCE])
    scaled = config.look.style_size or side
    styles = open_styles(config.look, data_root(config.runtime)).images
    seed, count, workers = config.run.seed, config.optimizer.batch_size, config.runtime.num_workers
    crop = CropTransform(scaled, min(scaled, side))
    return Paired(
        Stream(content, crop, count, seed, "content", workers, device, position),
        Stream(styles, crop, count, seed, _STYLE, workers, device, position),
    )


JOINT_ADAIN = Plan(
    stage="joint_adain",
    trains_on=(schema.SOURCE, schema.TARGET),
    terms=adapt_terms,
    parent=PRETRAIN,
    front=_front,
    extension=_extension,
)
