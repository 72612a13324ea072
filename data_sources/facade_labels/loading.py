"""From a model's name to a labeller; whatever is missing is said in one line with its remedy."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from data_sources.facade_labels.answer import Labeller
from data_sources.facade_labels.labeller import Scorer, TileLabeller
from data_sources.facade_labels.model_files import folder_digest
from data_sources.facade_labels.prompts import Prompts, read_prompts
from heatmat.errors import DeviceError, HeatMatError, InputError, MissingExtraError

DEFAULTS = {
    "cpu": ("google/siglip2-base-patch16-224", "75de2d55ec2d0b4efc50b3e9ad70dba96a7b2fa2"),
    "gpu": ("google/siglip2-so400m-patch14-384", "e8e487298228002f3d8a82e0cd5c8ea9c567f57f"),
}
"""What is taken where no model is named, by where it runs."""

QUICKER = ("openai/clip-vit-base-patch32", "3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268")
PINS = dict([*DEFAULTS.values(), QUICKER])
"""Commits that stand for these names where no revision is given."""

TILES = {"contrastive": 24, "generative": 6}
"""Tiles a crop: a crop of 768 x 512 pixels has 6 x 4 of 128 pixels. Models that answer in words
cost a hundred times as much a tile."""

BATCHES = {"contrastive": (24, 192), "generative": (1, 12)}
"""Tiles at once, on a CPU and on anything else."""

DTYPES = ("float32", "float16", "bfloat16")
INSTALL = "pip install 'heatmat[vlm]'"
_NAME = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)?\Z")


def load_labeller(
    model: str | Path | None = None,
    *,
    revision: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    batch_size: int | None = None,
    offline: bool = False,
    prompts: Prompts | Path | None = None,
    temperature: float = 1.0,
    tiles: int | None = None,
) -> Labeller:
    """Load a vision-language model for labelling facades.

    Parameters
    ----------
    model : str or Path, optional
        A local folder, or a name on the Hugging Face hub, with ``@REVISION`` behind it if wanted.
        None: one of `DEFAULTS`, by the device.
    revision : str, optional
        Commit, tag or branch on the hub; the commit it stands for is what answers name.
    device : str
        ``auto`` (CUDA, then Metal, then the CPU), ``cpu``, ``cuda``, ``cuda:1``..., ``metal``.
    dtype : str
        ``auto`` (bfloat16 on CUDA, float32 elsewhere) or one of `DTYPES`.
    batch_size : int, optional
        Tiles at once; halved by itself where memory ends.
    offline : bool
        Ask the hub for nothing; what was downloaded before is used.
    prompts : Prompts or Path, optional
        Other words than the built-in ones, or a file of them (`read_prompts`).
    temperature : float
        What logits are divided by, above 0: from a calibration.
    tiles : int, optional
        Tiles a crop is cut into, about.

    Raises
    ------
    MissingExtraError
        When torch, transformers or what the model needs besides is not installed.
    InputError
        On a model, revision or setting that does not exist; weights that are not here.
    DeviceError
        When the device is not there.
    """
    if not temperature > 0:
        raise InputError("the temperature must be above 0", where="temperature", got=temperature)
    words = prompts if isinstance(prompts, Prompts) else read_prompts(prompts) if prompts else None
    words = words or Prompts()
    torch, _ = _libraries()
    place = _device(torch, device)
    name, wanted = _named(model, revision, place)
    folder, commit = _locate(name, wanted, offline)
    loaded, processor, family = _load(name, folder, commit, offline, _dtype(torch, dtype, place))
    try:
        loaded = loaded.to(place).eval()
    except torch.OutOfMemoryError:
        raise DeviceError(
            "the model does not fit into the device's memory",
            where=name,
            remedy="take a smaller one, --dtype bfloat16, or --device cpu",
        ) from None
    scorer = _scorer(family, loaded, processor, words)
    count = tiles or TILES[family]
    if batch_size is not None and batch_size < 1:
        raise InputError("the batch must be 1 or more", where="batch size", got=batch_size)
    return TileLabeller(
        scorer,
        model=name,
        revision=commit or folder_digest(Path(name)),
        prompt_id=words.digest(family, tiles=count, side=scorer.side),
        tiles=count,
        batch_size=batch_size or BATCHES[family][place != "cpu"],
        temperature=temperature,
    )


def _libraries() -> tuple[Any, Any]:
    """The two packages, imported late: they take seconds."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        import torch
        import transformers
    except ImportError as error:
        raise MissingExtraError(
            "the facade labeller needs torch and transformers",
            got=str(error),
            remedy=INSTALL,
        ) from None
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return torch, transformers


def _device(torch: Any, wanted: str) -> str:
    """The device's name in torch."""
    kind = {"metal": "mps"}.get(wanted, wanted)
    if kind == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", kind):
        raise DeviceError(
            "models do not run on this device",
            where="device",
            expected="auto, cpu, cuda, cuda:N or metal",
            got=wanted,
        )
    there = kind == "cpu" or (kind == "mps" and torch.backends.mps.is_available())
    if kind.startswith("cuda") and torch.cuda.is_available():
        there = int(kind[5:] or 0) < torch.cuda.device_count()
    if not there:
        raise DeviceError(
            "the device is not there, or torch was built without it",
            where="device",
            got=wanted,
            remedy="--device cpu, or install the torch for it: https://pytorch.org/get-started",
        )
    return kind


def _dtype(torch: Any, wanted: str, place: str) -> Any:
    if wanted == "auto":
        half = place.startswith("cuda") and torch.cuda.is_bf16_supported()
        return torch.bfloat16 if half else torch.float32
    if wanted not in DTYPES:
        raise InputError(
            "no such precision", where="dtype", expected="auto, " + ", ".join(DTYPES), got=wanted
        )
    return getattr(torch, wanted)


def _named(model: str | Path | None, revision: str | None, place: str) -> tuple[str, str | None]:
    """Name or folder, and the revision asked for."""
    if model is None:
        name, pinned = DEFAULTS["gpu" if place.startswith("cuda") else "cpu"]
        return name, revision or pinned
    name = str(model)
    if "@" in name and not Path(name).exists():
        name, _, behind = name.partition("@")
        if revision and revision != behind:
            raise InputError("two revisions", where=str(model), got=f"{behind} and {revision}")
        revision = behind or revision
    return name, revision or (None if Path(name).exists() else PINS.get(name))


def _locate(name: str, revision: str | None, offline: bool) -> tuple[Path | None, str]:
    """The local folder, or the commit that the hub's revision stands for."""
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise InputError(
                "not a model's folder",
                where=str(path),
                expected="config.json, weights and processor files in it",
                remedy="save one with `hf download NAME --local-dir FOLDER`",
            )
        if revision:
            raise InputError("a local folder has no revisions", where=str(path), got=revision)
        return path, ""
    if path.exists() or not _NAME.match(name):
        raise InputError(
            "no such folder, and no name on the hub either",
            where=f"model {name}",
            expected="a folder with config.json in it, or OWNER/NAME[@REVISION]",
        )
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # it tells of each of its five attempts
    pin = f" --revision {revision}" if revision else ""
    try:
        found = hf_hub_download(name, "config.json", revision=revision, local_files_only=offline)
    except Exception as error:  # noqa: BLE001 - the hub's client raises its own, and its transport's
        raise InputError(
            "the model is not on this machine and cannot be fetched",
            where=name,
            got="offline" if offline else _first(error),
            remedy=f"on a machine with a network: hf download {name}{pin} --local-dir FOLDER, "
            "then --model FOLDER",
        ) from None
    return None, Path(found).parent.name


def _load(
    name: str, folder: Path | None, commit: str, offline: bool, dtype: Any
) -> tuple[Any, Any, str]:
    """Model, processor and family."""
    import transformers

    source = str(folder) if folder else name
    options: dict[str, Any] = {"trust_remote_code": False}
    options |= {"local_files_only": offline or folder is not None}
    if folder is None:
        options["revision"] = commit
    try:
        config = transformers.AutoConfig.from_pretrained(source, **options)
        family = _family(name, config)
        kind: Any = transformers.AutoModel
        if family == "generative":
            kind = transformers.AutoModelForImageTextToText
        processor = transformers.AutoProcessor.from_pretrained(source, **options)
        loaded, found = kind.from_pretrained(
            source, dtype=dtype, output_loading_info=True, **options
        )
        _complete(name, loaded, found)
    except HeatMatError:
        raise
    except ImportError as error:
        raise _missing(name, error) from None
    except OSError as error:
        pin = f" --revision {commit}" if commit else ""
        raise InputError(
            "weights or files of the model are missing",
            where=name,
            got=_first(error),
            remedy="fetch all of it: hf download "
            + (f"{name}{pin}" if folder is None else f"NAME --local-dir {name}"),
        ) from None
    except Exception as error:  # noqa: BLE001 - anything at all may lie in a folder
        raise InputError(
            "the model cannot be loaded",
            where=name,
            got=f"{type(error).__name__}: {_first(error)}",
            remedy="fetch it again, or take another",
        ) from None
    return loaded, processor, family


def _complete(name: str, model: Any, found: dict[str, Any]) -> None:
    """Refuse weights that lack a part of the model: it would be filled with random numbers."""
    lost = sorted(set(found["missing_keys"]) & {key for key, _ in model.named_parameters()})
    if lost:
        raise InputError(
            "the weights lack a part of the model",
            where=name,
            got=f"no {lost[0]}" + (f" and {len(lost) - 1} more" if lost[1:] else ""),
            remedy="fetch it again, or take another",
        )


def _family(name: str, config: Any) -> str:
    """``contrastive`` or ``generative``, by the model's type."""
    from transformers import AutoModelForImageTextToText
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    kind = type(config)
    if kind in AutoModelForImageTextToText._model_mapping:
        return "generative"
    if kind in MODEL_MAPPING:
        made = MODEL_MAPPING[kind]
        if hasattr(made, "get_image_features") and hasattr(made, "get_text_features"):
            return "contrastive"
    raise InputError(
        "not a model of pictures and words",
        where=name,
        expected="one like CLIP or SigLIP, or an image-text-to-text model",
        got=str(getattr(config, "model_type", kind.__name__)),
    )


def _scorer(family: str, model: Any, processor: Any, prompts: Prompts) -> Scorer:
    if family == "contrastive":
        from data_sources.facade_labels.contrastive import ContrastiveScorer

        return ContrastiveScorer(model, processor, prompts)
    from data_sources.facade_labels.generative import GenerativeScorer

    return GenerativeScorer(model, processor, prompts)


def _missing(name: str, error: ImportError) -> MissingExtraError:
    """What a model needs besides torch and transformers."""
    for module in ("torchvision", "sentencepiece", "protobuf", "timm", "num2words", "tiktoken"):
        if module in str(error).lower():
            remedy = f"pip install {module}"
            if module == "torchvision":
                remedy += " of the build of your torch (see https://pytorch.org/get-started)"
            return MissingExtraError(
                f"the model needs {module}", where=name, remedy=f"{remedy}, or take another model"
            )
    return MissingExtraError(
        "the model needs a package that is not installed", where=name, got=_first(error)
    )


def _first(error: BaseException) -> str:
    """The first line of a message that says anything, at most 200 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
