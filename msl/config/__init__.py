"""Settings of every stage, as frozen values.

A stage's settings are a few *groups* of fields. Field names are unique within a stage, so a setting has one name from
the command line (``--lambda_target``) through the code (``config.adaptation.lambda_target``) to the run store
(``cfg.lambda_target``). A field's description and bounds are the option's help and its error message.
"""

from msl.config.bn import BnConfig, StatisticsConfig
from msl.config.domains import FilesConfig, SourceConfig, TargetConfig
from msl.config.evaluation import EvaluateConfig, EvaluationConfig, ScoredConfig, ViewConfig
from msl.config.file import FileConfig
from msl.config.group import Group
from msl.config.model import ModelConfig
from msl.config.objective import AdaptationConfig, ObjectiveConfig
from msl.config.optimizer import OptimizerConfig
from msl.config.prepare import PrepareConfig, PreparedDataConfig
from msl.config.request import ReportConfig, RequestConfig, SyncConfig
from msl.config.run import (
    CopiesConfig,
    DeviceConfig,
    LoadingConfig,
    MonitorConfig,
    RunConfig,
    RuntimeConfig,
    StartConfig,
    TrainRuntimeConfig,
    UploadConfig,
)
from msl.config.schedule import AdaptSchedule, NoSteps, PretrainSchedule, TargetSoloSchedule, TrainSchedule
from msl.config.self_training import SelfTrainingConfig
from msl.config.serving import InputConfig, PackageConfig, PackagedConfig, PredictConfig, PredictedConfig
from msl.config.stage import StageConfig
from msl.config.study import ExecutorConfig, StudyConfig, SweepConfig
from msl.config.style import (
    CopyConfig,
    DecoderDataConfig,
    DecoderScheduleConfig,
    EncoderConfig,
    JointAdainConfig,
    JointConfig,
    LearnedDecoderConfig,
    LookConfig,
    MethodConfig,
    StyleImagesConfig,
    StyleLossConfig,
    StyleMethod,
    StyleMonitorConfig,
    StyleStageConfig,
    StyleTraining,
    StylizeConfig,
    TrainStyleConfig,
)
from msl.config.train import (
    AdaptConfig,
    PretrainConfig,
    SelfTrainConfig,
    StartedConfig,
    TargetSoloConfig,
    TrainConfig,
)
from msl.config.validate import ExaminedConfig, ValidateConfig
from msl.config.validation import validated
from msl.config.values import (
    Dilations,
    Pixels,
    Scales,
    Size,
    Stride,
    StyleWeights,
    parse_dilations,
    parse_scales,
    parse_size,
    parse_weights,
)

__all__ = [
    "AdaptConfig",
    "AdaptSchedule",
    "AdaptationConfig",
    "BnConfig",
    "CopiesConfig",
    "CopyConfig",
    "DecoderDataConfig",
    "DecoderScheduleConfig",
    "DeviceConfig",
    "Dilations",
    "EncoderConfig",
    "EvaluateConfig",
    "EvaluationConfig",
    "ExaminedConfig",
    "ExecutorConfig",
    "FileConfig",
    "FilesConfig",
    "Group",
    "InputConfig",
    "JointAdainConfig",
    "JointConfig",
    "LearnedDecoderConfig",
    "LoadingConfig",
    "LookConfig",
    "MethodConfig",
    "ModelConfig",
    "MonitorConfig",
    "NoSteps",
    "ObjectiveConfig",
    "OptimizerConfig",
    "PackageConfig",
    "PackagedConfig",
    "Pixels",
    "PredictConfig",
    "PredictedConfig",
    "PrepareConfig",
    "PreparedDataConfig",
    "PretrainConfig",
    "PretrainSchedule",
    "ReportConfig",
    "RequestConfig",
    "RunConfig",
    "RuntimeConfig",
    "Scales",
    "ScoredConfig",
    "SelfTrainConfig",
    "SelfTrainingConfig",
    "Size",
    "SourceConfig",
    "StageConfig",
    "StartConfig",
    "StartedConfig",
    "StatisticsConfig",
    "Stride",
    "StudyConfig",
    "StyleImagesConfig",
    "StyleLossConfig",
    "StyleMethod",
    "StyleMonitorConfig",
    "StyleStageConfig",
    "StyleTraining",
    "StyleWeights",
    "StylizeConfig",
    "SweepConfig",
    "SyncConfig",
    "TargetConfig",
    "TargetSoloConfig",
    "TargetSoloSchedule",
    "TrainConfig",
    "TrainRuntimeConfig",
    "TrainSchedule",
    "TrainStyleConfig",
    "UploadConfig",
    "ValidateConfig",
    "ViewConfig",
    "parse_dilations",
    "parse_scales",
    "parse_size",
    "parse_weights",
    "validated",
]
