"""Models of the true kinds, too small to know anything, and one that learns made-up facades.

Each is saved to a folder as a downloaded one would be, so the true code loads it.
"""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from data_sources.facade_labels.prompts import Prompts
from tests.data_sources.facade_pictures import TEXTURES, texture

SIDE, PATCH, TEXT = 32, 8, 24
STEPS, BATCH, LESSONS = 300, 48, 900
SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
IMAGE = {"size": {"shortest_edge": SIDE}, "crop_size": {"height": SIDE, "width": SIDE}}
CHAT = (
    "{% for m in messages %}{{ m['role'] }}: {% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<image>\n{% else %}{{ c['text'] }}{% endif %}{% endfor %}\n"
    "{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
)


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="heatmat-tiny-model-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _corpus() -> list[str]:
    prompts = Prompts()
    every = [text for name in prompts.classes for text in prompts.texts(name)]
    return [*every, prompts.asked(), *prompts.answers.values()]


def quiet_torch() -> Any:
    import torch

    torch.set_num_threads(1)  # the tensors are too small to share out
    torch.manual_seed(7)
    return torch


def clip_tokenizer() -> Any:
    """A byte-level BPE trained on the prompts."""
    import json

    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import CLIPTokenizer

    trained = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    trained.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|startoftext|>", "<|endoftext|>"]
    # Ends of words are numbered here: the trainer meets them in the order of a hash, another one in
    # each process, and with their numbers change the merges and all that a model learns.
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        special_tokens=special + [letter + "</w>" for letter in alphabet],
        end_of_word_suffix="</w>",
        initial_alphabet=alphabet,
    )
    trained.train_from_iterator([text.lower() for text in _corpus()], trainer)
    made = json.loads(trained.to_str())["model"]
    merges = [tuple(pair) for pair in made["merges"]]
    return CLIPTokenizer(vocab=made["vocab"], merges=merges, model_max_length=TEXT)


def clip_parts() -> tuple[Any, Any]:
    """A tiny CLIP with random weights, and its processor."""
    quiet_torch()
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel, CLIPProcessor

    tokenizer = clip_tokenizer()
    config = CLIPConfig(
        text_config=SMALL
        | {
            "vocab_size": len(tokenizer),
            "max_position_embeddings": TEXT,
            "eos_token_id": tokenizer.eos_token_id,
            "bos_token_id": tokenizer.bos_token_id,
        },
        vision_config=SMALL | {"image_size": SIDE, "patch_size": PATCH},
        projection_dim=32,
    )
    return CLIPModel(config), CLIPProcessor(CLIPImageProcessorPil(**IMAGE), tokenizer)


def save_model(*parts: Any) -> Path:
    folder = _folder()
    for part in parts:
        part.save_pretrained(folder)
    return folder


@functools.cache
def tiny_clip() -> Path:
    """Folder of a CLIP that knows nothing."""
    return save_model(*clip_parts())


@functools.cache
def trained_clip() -> Path:
    """Folder of a CLIP that tells brick, render, glass, windows, sky and trees apart.

    It learns from made-up tiles of one texture, or of two with an edge between them; what it is to
    say of those is their areas. Words of other classes are there to be wrong.
    """
    torch = quiet_torch()
    model, processor = clip_parts()
    prompts = Prompts()
    rng = np.random.default_rng(3)
    pixels, target = _lessons(processor, prompts.classes, rng)
    texts = [prompts.texts(name) for name in prompts.classes]
    fastest = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    pace = torch.optim.lr_scheduler.OneCycleLR(fastest, 4e-3, total_steps=STEPS)
    model.train()
    for _ in range(STEPS):
        words = [group[rng.integers(len(group))] for group in texts]
        tokens = processor.tokenizer(
            words, padding="max_length", max_length=TEXT, truncation=True, return_tensors="pt"
        )
        pick = torch.as_tensor(rng.integers(len(pixels), size=BATCH))
        towards = _unit(torch, model.get_text_features(**tokens))
        seen = _unit(torch, model.get_image_features(pixel_values=pixels[pick]))
        log_p = torch.log_softmax(seen @ towards.T * model.logit_scale.exp(), dim=-1)
        loss = -(target[pick] * log_p).sum(dim=-1).mean()
        fastest.zero_grad()
        loss.backward()
        fastest.step()
        pace.step()
    return save_model(model.eval(), processor)


def _unit(torch: Any, output: Any) -> Any:
    return torch.nn.functional.normalize(getattr(output, "pooler_output", output), dim=-1)


def _lessons(processor: Any, classes: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """Tiles as the model sees them, and each class's area in them."""
    import torch
    from PIL import Image

    tiles, target = [], np.zeros((LESSONS, len(classes)), dtype=np.float32)
    for row in target:
        a, b = rng.choice(TEXTURES, 2, replace=False)
        side = int(rng.integers(56, 72))
        share = rng.uniform() if rng.uniform() < 0.6 else 1.0
        tile = texture(a, side, side, rng)
        edge = round(share * side)
        other = texture(b, side, side, rng)
        if rng.uniform() < 0.5:
            tile[edge:] = other[edge:]
        else:
            tile[:, edge:] = other[:, edge:]
        row[classes.index(a)], row[classes.index(b)] = edge / side, 1 - edge / side
        tiles.append(Image.fromarray(tile.astype(np.uint8)))
    pixels = processor.image_processor(images=tiles, return_tensors="pt")["pixel_values"]
    return pixels, torch.from_numpy(target)


@functools.cache
def tiny_siglip() -> Path:
    """Folder of a SigLIP that knows nothing."""
    quiet_torch()
    from transformers import (
        SiglipConfig,
        SiglipImageProcessorPil,
        SiglipModel,
        SiglipProcessor,
    )

    tokenizer = clip_tokenizer()
    config = SiglipConfig(
        text_config=SMALL
        | {
            "vocab_size": len(tokenizer),
            "max_position_embeddings": TEXT,
            "projection_size": 32,
            "pad_token_id": tokenizer.pad_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "bos_token_id": tokenizer.bos_token_id,
        },
        vision_config=SMALL | {"image_size": SIDE, "patch_size": PATCH},
    )
    image = SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    return save_model(SiglipModel(config), SiglipProcessor(image, tokenizer))


def chat_tokenizer(*special: str, **options: Any) -> Any:
    """A byte-level BPE trained on the question and the answers."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<s>", "</s>", "<pad>", *special],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    trained.train_from_iterator([*_corpus(), "user: assistant:"], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=trained,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        **options,
    )


@functools.cache
def tiny_llava() -> Path:
    """Folder of a LLaVA that knows nothing: a CLIP eye, a Llama, and a chat template."""
    quiet_torch()
    from transformers import (
        CLIPImageProcessorPil,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    tokenizer = chat_tokenizer("<image>")
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**SMALL, image_size=SIDE, patch_size=PATCH),
        text_config=LlamaConfig(
            **SMALL,
            vocab_size=len(tokenizer),
            num_key_value_heads=2,
            max_position_embeddings=512,
            pad_token_id=tokenizer.pad_token_id,
        ),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
    )
    processor = LlavaProcessor(
        CLIPImageProcessorPil(**IMAGE),
        tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=CHAT,
    )
    return save_model(LlavaForConditionalGeneration(config), processor)
