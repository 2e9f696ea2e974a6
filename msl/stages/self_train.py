"""The stage self_train: a mean teacher labels the target, and the network learns from mixed images (DACS, DAFormer)."""

from collections.abc import Mapping

from msl.config import SelfTrainConfig
from msl.data.class_pixels import class_pixels
from msl.data.crops import RandomCrop
from msl.data.rare_classes import RareClasses
from msl.inputs.domains import DomainData, open_data
from msl.models import SegmentationNetwork
from msl.schema import CONFIDENT_SHARE, SOURCE, TARGET
from msl.stages.domain_streams import Choice, domain_stream
from msl.stages.segmentation import Extension
from msl.stages.stage import Job
from msl.stages.started import StartedStage
from msl.training import Term
from msl.training.callbacks import FollowStudent
from msl.training.objectives.self_training import SelfTraining
from msl.training.objectives.supervised import Supervised
from msl.training.teacher import Teacher


class SelfTrain(StartedStage[SelfTrainConfig, DomainData]):
    """source → Supervised; (target, the source batch of the same step) → SelfTraining."""

    name = "self_train"

    def open(self, config: SelfTrainConfig) -> DomainData:
        """Both domains, the target without its labels; raises as `open_data` does."""
        return open_data(config, self.trains_on)

    def modules(self, config: SelfTrainConfig) -> list[str]:
        """Also those of self-training."""
        parts = (Supervised, SelfTraining, FollowStudent, RareClasses, RandomCrop)
        return [*super().modules(config), *(part.__module__ for part in parts)]

    def terms(self, config: SelfTrainConfig, epoch_iters: int) -> list[Term]:
        """None: all of them need the teacher, which `extension` makes."""
        return []

    def extension(
        self, job: Job[SelfTrainConfig, DomainData], network: SegmentationNetwork, positions: Mapping[str, int]
    ) -> Extension:
        """The terms, and the teacher with what it says of itself."""
        config, weight = job.config.self_training, job.config.objective.lambda_seg
        teacher = Teacher(network, config.teacher_decay, job.config.optimizer.freeze_bn)
        device = next(network.parameters()).device
        source, target = (
            domain_stream(job, role, device, positions.get(role, 0), _choice(job, role)) for role in (SOURCE, TARGET)
        )
        mixed = SelfTraining(config, weight, job.config.run.seed, teacher, source)
        plain = super().extension(job, network, positions)
        return Extension(
            terms=[Term(SOURCE, Supervised(weight)), Term(TARGET, mixed)],
            streams={SOURCE: source, TARGET: target},
            callbacks={**plain.callbacks, "teacher": FollowStudent(teacher)},
            observed={CONFIDENT_SHARE: lambda: 100 * teacher.confident_share},
        )


def _choice(job: Job[SelfTrainConfig, DomainData], role: str) -> Choice:
    """Crops for both domains; rare classes are drawn from the source, whose labels are known."""
    config, checked = job.config.self_training, job.data.check_of(role)
    if config.sampling == "uniform" or role != SOURCE:
        return Choice(config.mix_crop)
    pixels = class_pixels(checked.domain, checked.report.digest)
    return Choice(config.mix_crop, RareClasses(pixels, config.rare_temperature, config.rare_pixels))
