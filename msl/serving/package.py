"""The package stage: makes an MLflow model of a checkpoint. It can be loaded and served without msl installed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import ColSpec, DataType, Schema
from PIL import Image

import msl
from msl import schema
from msl.checkpoints import Checkpoint, NetworkAbout, write
from msl.config import InputConfig, PackageConfig
from msl.config.catalog import BACKBONES
from msl.data import open_domain
from msl.errors import TrackingError
from msl.inputs.networks import Origin, find_network
from msl.references import NETWORK_FILE
from msl.scoring.exports import LabelImages
from msl.serving.predictor import input_size
from msl.tracking import Client, RunRecord, connect, describe, ending, open_run, run_folder, sha256_of

_LINEAGE = (
    *(schema.STAGE, schema.RECIPE, schema.GROUP, schema.PARENT, schema.FINGERPRINT),
    *(schema.DATA_SOURCE, schema.DATA_TARGET, schema.DATA_SKIPPED, schema.CODE_COMMIT, schema.CODE_DIRTY),
)
_PACKAGES = ("mlflow", "torch", "torchvision", "numpy", "pandas", "pillow", "pydantic", "pyyaml", "scipy", "tqdm")
_SIGNATURE = ModelSignature(
    inputs=Schema([ColSpec(DataType.binary, "image")]),
    outputs=Schema([ColSpec(DataType.binary, "label"), ColSpec(DataType.double, "confidence")]),
)


@dataclass(frozen=True)
class Packaged:
    """The MLflow model of a checkpoint."""

    run_id: str  # of the run that it is logged to
    uri: str  # models:/NAME@ALIAS, models:/NAME/VERSION, or models:/ID if it is not registered


def package(config: PackageConfig) -> Packaged:
    """Log a checkpoint as an MLflow model to the run that trained it; register it if the settings give a name.

    The stage has a run of its own. The model is logged to that run if no run of this store trained the checkpoint.

    Raises:
        MslError: there is no such checkpoint, or the tracking server refuses the model or its name.
    """
    settings = config.packaged
    client = connect()
    with TemporaryDirectory() as download:  # before a run is opened: a mistake costs none
        origin = find_network(client, settings.checkpoint, Path(download), config.file)
        slim, lineage = _slim(origin, config.input), _lineage(client, origin)
    origin.mention_recalibration()
    reporter = open_run(client, f"package {settings.checkpoint}", {schema.STAGE: "package"})
    with ending(reporter), run_folder(reporter.run_id) as folder:
        tags = lineage | {schema.LICENSE: settings.license or _terms(origin.checkpoint)}
        record = RunRecord(stage="package", settings=config.flat(), classes=origin.about.classes)
        describe(reporter, config.flat(), record, {schema.PARENT: origin.parent}, [])
        network = folder / NETWORK_FILE
        write(network, slim)
        run_id = origin.run_id or reporter.run_id
        try:
            uri = _log(client, run_id, network, origin, tags)
            if settings.name is not None:
                uri = _register(client, uri, settings.name, settings.alias, tags)
        except (MlflowException, OSError) as error:
            raise TrackingError(f"the model cannot be logged or registered: {str(error).splitlines()[0]}") from error
        reporter.tags({schema.MODEL_URI: uri})
    return Packaged(run_id, uri)


def _slim(origin: Origin, view: InputConfig) -> Checkpoint:
    """The checkpoint without the state of the training, which is most of the file and not needed to predict."""
    size = input_size(origin.checkpoint, origin.reference, view)
    settings = view.model_copy(update={"crop_size": size}).model_dump(mode="json")
    return replace(origin.checkpoint, progress=None, about=replace(origin.checkpoint.about, view=settings))


def _log(client: Client, run_id: str, network: Path, origin: Origin, tags: Mapping[str, str]) -> str:
    """Log the model to the run, with the run's parameters and its scores at that step; the model's URI."""
    run = client.get_run(run_id)
    model = client.create_logged_model(
        run.info.experiment_id,  # by default MLflow takes the experiment of its environment
        name=schema.MODEL,
        source_run_id=run_id,
        tags=dict(tags),
        params=run.data.params,
    )
    info = Model.log(
        artifact_path=None,
        flavor=mlflow.pyfunc,
        run_id=run_id,
        model_id=model.model_id,
        step=origin.checkpoint.step,
        metadata=_metadata(origin.about, tags),
        signature=_SIGNATURE,
        input_example=_example(),
        python_model=str(Path(__file__).with_name("served.py")),
        artifacts={"network": str(network)},
        code_paths=[str(Path(msl.__file__).parent)],
        pip_requirements=_requirements(origin),
    )
    return str(info.model_uri)


def _requirements(origin: Origin) -> list[str]:
    """The packages that a prediction needs, those of the backbone too, in the versions that are installed here."""
    backbone = BACKBONES.load(origin.about.model.backbone)
    return [f"{name}=={version(name).partition('+')[0]}" for name in (*_PACKAGES, *backbone.packages)]


def _register(client: Client, uri: str, name: str, alias: str | None, tags: Mapping[str, str]) -> str:
    model_version = mlflow.register_model(uri, name, tags=dict(tags))
    if alias is None:
        return f"models:/{name}/{model_version.version}"
    client.set_registered_model_alias(name, alias, model_version.version)
    return f"models:/{name}@{alias}"


def _lineage(client: Client, origin: Origin) -> dict[str, str]:
    """Where the weights come from: the tags of the run that trained them, and the checkpoint's file."""
    run_tags = client.get_run(origin.run_id).data.tags if origin.run_id else {}
    file = {schema.CHECKPOINT: origin.reference, schema.CHECKPOINT_DIGEST: sha256_of(origin.path)}
    return {name: run_tags[name] for name in _LINEAGE if name in run_tags} | file


def _terms(checkpoint: Checkpoint) -> str:
    """The license of the weights as far as it is known: it depends on the data that they were trained on."""
    settings = checkpoint.about.settings
    unknown = [f"see the origin of {checkpoint.about.group}"]
    names = [settings[role] for role in schema.DOMAINS if settings.get(role)] or unknown
    return f"the terms of the training data ({', '.join(names)}); the code's is MIT"


def _metadata(about: NetworkAbout, tags: Mapping[str, str]) -> dict[str, Any]:
    """The metadata of the model: classes with their ids in the label images, and the tags."""
    return {"label_set": about.label_set, "classes": LabelImages(about.labels).ids, **tags}


def _example() -> pd.DataFrame:
    """An example image, drawn by msl itself: no data set's license limits its use."""
    image = open_domain("streets_real", split="val", labelled=False)[0].image
    file = BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, "PNG")
    return pd.DataFrame({"image": [file.getvalue()]})
