"""Further kinds of models, as small as can be, saved to folders: they know nothing."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from tests.data_sources.tiny_models import (
    PATCH,
    SIDE,
    SMALL,
    chat_tokenizer,
    clip_tokenizer,
    quiet_torch,
    save_model,
)

TURNS = (
    "{% for m in messages %}{{ m['role'] }}: {% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}IMAGE{% else %}{{ c['text'] }}{% endif %}{% endfor %}\n"
    "{% endfor %}{% if add_generation_prompt %}model\n{% endif %}"
)
EYE = SMALL | {"image_size": SIDE, "patch_size": PATCH}


def _llm(tokenizer: Any) -> dict[str, Any]:
    return SMALL | {
        "vocab_size": len(tokenizer),
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "pad_token_id": tokenizer.pad_token_id,
    }


@functools.cache
def tiny_siglip2() -> Path:
    """Pictures of any shape: pixels come as patches with a mask."""
    quiet_torch()
    from transformers import (
        Siglip2Config,
        Siglip2ImageProcessorPil,
        Siglip2Model,
        Siglip2Processor,
    )

    tokenizer = clip_tokenizer()
    words = SMALL | {"vocab_size": len(tokenizer), "projection_size": 32}
    # Its own tokenizer cuts the words of ours into letters: more of them than CLIP's has.
    words |= {"max_position_embeddings": 64, "pad_token_id": tokenizer.pad_token_id}
    words |= {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    patches = {"patch_size": PATCH, "num_patches": 16}
    config = Siglip2Config(text_config=words, vision_config=SMALL | patches)
    image = Siglip2ImageProcessorPil(patch_size=PATCH, max_num_patches=16)
    return save_model(Siglip2Model(config), Siglip2Processor(image, tokenizer))


@functools.cache
def tiny_idefics3() -> Path:
    """Several pictures a prompt: pixels have one more dimension, and a mask."""
    quiet_torch()
    from transformers import (
        Idefics3Config,
        Idefics3ForConditionalGeneration,
        Idefics3ImageProcessorPil,
        Idefics3Processor,
    )

    special = ("<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>")
    tokenizer = chat_tokenizer(*special)
    config = Idefics3Config(
        vision_config=EYE,
        text_config=_llm(tokenizer) | {"model_type": "llama"},
        scale_factor=2,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
    image = Idefics3ImageProcessorPil(
        size={"longest_edge": 4 * SIDE}, max_image_size={"longest_edge": SIDE}
    )
    chat = TURNS.replace("IMAGE", "<image>").replace("model\n", "Assistant:")
    processor = Idefics3Processor(image, tokenizer, image_seq_len=4, chat_template=chat)
    return save_model(Idefics3ForConditionalGeneration(config), processor)


@functools.cache
def tiny_gemma3() -> Path:
    """Tokens of pictures see each other both ways; one layer of two sees 16 tokens back."""
    quiet_torch()
    from transformers import (
        Gemma3Config,
        Gemma3ForConditionalGeneration,
        Gemma3ImageProcessorPil,
        Gemma3Processor,
    )

    names = ("<image_soft_token>", "<start_of_image>", "<end_of_image>")
    roles = dict(zip(("image_token", "boi_token", "eoi_token"), names, strict=True))
    tokenizer = chat_tokenizer(*names, extra_special_tokens=roles)
    soft, start, end = tokenizer.convert_tokens_to_ids(list(names))
    near_and_far = ["sliding_attention", "full_attention"]
    words = {"head_dim": 16, "sliding_window": 16, "layer_types": near_and_far}
    config = Gemma3Config(
        vision_config=EYE,
        text_config=_llm(tokenizer) | words,
        mm_tokens_per_image=4,
        image_token_index=soft,
        boi_token_index=start,
        eoi_token_index=end,
    )
    image = Gemma3ImageProcessorPil(size={"height": SIDE, "width": SIDE})
    chat = "{{ bos_token }}" + TURNS.replace("IMAGE", "<start_of_image>")
    processor = Gemma3Processor(image, tokenizer, chat_template=chat, image_seq_length=4)
    model = Gemma3ForConditionalGeneration(config)
    for name, weight in model.named_parameters():
        if "mm_input_projection" in name:
            weight.data.normal_()  # zeros at first: pictures would not count
    return save_model(model, processor)
