"""What is missing when a model is loaded is said in one line, with the command that mends it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_sources.facade_labels import LABELS, load_labeller, read_prompts
from data_sources.facade_labels.loading import DEFAULTS, _named
from data_sources.facade_labels.model_files import SAMPLE, WHOLE, folder_digest
from heatmat.errors import DeviceError, HeatMatError, InputError, MissingExtraError
from tests.data_sources import tiny_models


def refused(kind: type[HeatMatError], model: object = None, **options: Any) -> str:
    """The line that loading ends with."""
    with pytest.raises(kind) as caught:
        load_labeller(model, **options)  # type: ignore[arg-type]
    assert caught.value.exit_code == 2 and "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_models.tiny_clip(), tmp_path / "model"))


def test_missing_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert "pip install 'heatmat[vlm]'" in refused(MissingExtraError)


def test_a_model_that_is_not_here() -> None:
    name, commit = DEFAULTS["cpu"]
    line = refused(InputError, offline=True, device="cpu")
    assert f"hf download {name} --revision {commit}" in line and "--model FOLDER" in line
    line = refused(InputError, f"some-one/some-model@{'a' * 40}", offline=True)
    assert f"hf download some-one/some-model --revision {'a' * 40}" in line


def test_no_network_is_one_line_too() -> None:
    assert "hf download some-one/some-model" in refused(InputError, "some-one/some-model")


def test_missing_and_damaged_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:1000])
    assert str(folder) in refused(InputError, folder)
    weights.unlink()
    assert "hf download" in refused(InputError, folder)


def test_weights_that_lack_a_part_are_refused(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert "no visual_projection.weight" in refused(InputError, folder)


@pytest.mark.parametrize("build", [tiny_models.tiny_clip, tiny_models.tiny_llava])
def test_a_tokenizer_that_is_missing_is_noticed(build: Callable[[], Path], tmp_path: Path) -> None:
    """Without its file the library makes an empty one, which reads all words as the same."""
    folder = Path(shutil.copytree(build(), tmp_path / "model"))
    (folder / "tokenizer.json").unlink()
    refused(InputError, folder)


def test_two_classes_with_the_same_words_are_noticed(tmp_path: Path) -> None:
    words = tmp_path / "prompts.toml"
    words.write_text('[classes.tile]\nphrases = ["a brick wall"]\n')
    assert "tile and brick" in refused(InputError, tiny_models.tiny_clip(), prompts=words)


def test_folders_that_are_no_models(folder: Path, tmp_path: Path) -> None:
    assert "config.json" in refused(InputError, tmp_path)
    assert "no such folder" in refused(InputError, tmp_path / "nowhere")
    assert "no revisions" in refused(InputError, folder, revision="main")
    (folder / "config.json").write_text('{"model_type": "bert"}')
    assert "bert" in refused(InputError, folder)
    (folder / "config.json").write_text("{")
    refused(InputError, folder)


def test_code_in_a_model_is_never_run(folder: Path, tmp_path: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Own"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    refused(InputError, folder)
    assert not (tmp_path / "ran").exists()


def test_a_processor_that_needs_torchvision(tmp_path: Path) -> None:
    """Of Qwen-VL, a true one: its processor asks for torchvision before anything is computed."""
    from transformers import Qwen2VLConfig

    small = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "vocab_size": 300}
    Qwen2VLConfig(text_config=small).save_pretrained(tmp_path)
    tiny_models.clip_tokenizer().save_pretrained(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text(
        '{"processor_class": "Qwen2VLProcessor", "image_processor_type": "Qwen2VLImageProcessor"}'
    )
    line = refused(MissingExtraError, tmp_path)
    assert "pip install torchvision" in line and "another model" in line


def test_settings_that_do_not_exist(folder: Path) -> None:
    assert "expected auto, cpu" in refused(DeviceError, folder, device="vulkan")
    assert "--device cpu" in refused(DeviceError, folder, device="cuda:99")
    assert "float32" in refused(InputError, folder, dtype="float8")
    assert "1 or more" in refused(InputError, folder, batch_size=0)
    assert "above 0" in refused(InputError, folder, temperature=0)
    assert "two revisions" in refused(InputError, "a/b@c", revision="d")


def test_a_model_without_a_chat_is_refused(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_models.tiny_llava(), tmp_path / "model"))
    (folder / "chat_template.jinja").unlink()
    assert "-Instruct" in refused(InputError, folder)


def test_names_and_revisions() -> None:
    assert _named("a/b@c", None, "cpu") == ("a/b", "c")
    assert _named(None, None, "cpu") == DEFAULTS["cpu"]
    assert _named(None, None, "cuda:0") == DEFAULTS["gpu"]
    name, commit = DEFAULTS["cpu"]
    assert _named(name, None, "cuda") == (name, commit)
    assert _named(f"{name}@main", None, "cpu") == (name, "main")
    assert all(len(commit) == 40 for _, commit in DEFAULTS.values())


def test_a_folder_is_known_by_its_content(folder: Path) -> None:
    one = load_labeller(folder).revision
    assert one == load_labeller(tiny_models.tiny_clip()).revision and len(one) == 40
    (folder / "notes.md").write_text("no part of the model")
    assert folder_digest(folder) == one
    config = folder / "preprocessor_config.json"
    config = config if config.is_file() else folder / "processor_config.json"
    config.write_text(config.read_text() + " ")
    two = folder_digest(folder)
    big = folder / "more.safetensors"
    with open(big, "wb") as stream:
        stream.truncate(WHOLE + 10 * SAMPLE)
    three = folder_digest(folder)
    with open(big, "r+b") as stream:
        stream.seek(WHOLE // 2)
        stream.write(b"x" * 2 * (WHOLE // 63))  # as wide as two steps between samples
    assert len({one, two, three, folder_digest(folder)}) == 4


def test_words_can_be_edited(tmp_path: Path) -> None:
    path = tmp_path / "prompts.toml"
    path.write_text(
        'templates = ["this is {}"]\n[classes.scaffold]\nphrases = ["scaffolding"]\n'
        'answer = "scaffolding"\n[classes.brick]\nanswer = "bricks"\n'
    )
    words = read_prompts(path)
    assert words.classes[: len(LABELS)] == LABELS and words.classes[-1] == "scaffold"
    assert words.texts("scaffold") == ["this is scaffolding"]
    assert "bricks, concrete" in words.asked() and "scaffolding." in words.asked()
    for wrong in (
        'template = ["{}"]',
        'templates = ["none"]',
        "templates = []",
        "[classes.brick]\nphrase = ['x']",
        "[classes.new]\nphrases = ['x']",
        "[classes.brick]\nanswer = 'sky'",
        "[classes.brick]\nphrases = 'x'",
        "classes = 3",
        "question = 3",
        "[",
    ):
        path.write_text(wrong)
        with pytest.raises(InputError, match=r"prompts\.toml"):
            read_prompts(path)


def test_nothing_heavy_is_imported_before_a_model_is_loaded() -> None:
    code = (
        "import sys, data_sources.facade_labels, heatmat.cli;"
        "sys.exit(any(m.split('.')[0] in ('torch', 'transformers') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
