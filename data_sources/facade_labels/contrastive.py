"""CLIP, SigLIP and their kin: a tile is the class whose sentences lie nearest to it.

Zero-shot classification with prompt ensembles (Radford et al. 2021, arXiv:2103.00020): a class is
the mean direction of its sentences, and a tile's logits are the model's scale times the cosines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data_sources.facade_labels.prompts import Prompts, no_tokenizer

if TYPE_CHECKING:
    from PIL import Image

TEXT_BATCH = 64
"""Sentences that are encoded at once."""


class ContrastiveScorer:
    """Logits of tiles over the classes of `prompts`.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        With ``get_image_features`` and ``get_text_features``.
    processor : transformers.ProcessorMixin
    prompts : Prompts
    """

    family = "contrastive"
    side: int | None = None
    """Tiles keep their size: the processor brings them to the model's."""

    def __init__(self, model: Any, processor: Any, prompts: Prompts) -> None:
        self.model, self.processor = model, processor
        self.classes = prompts.classes
        self._texts = self._encode(prompts)

    def score(self, tiles: Sequence[Image.Image]) -> np.ndarray:
        """Logits, shape (tiles, classes)."""
        import torch

        inputs = self.processor.image_processor(images=list(tiles), return_tensors="pt")
        with torch.inference_mode():
            given = {
                key: value.to(self.model.device, self.model.dtype)
                if value.is_floating_point()
                else value.to(self.model.device)
                for key, value in inputs.items()
            }
            features = _unit(self.model.get_image_features(**given))
            logits = features @ self._texts.T * self.model.logit_scale.float().exp()
            return np.asarray(logits.cpu().numpy(), dtype=np.float64)

    def _encode(self, prompts: Prompts) -> Any:
        """Mean direction of every class's sentences, shape (classes, features)."""
        import torch

        texts = {name: prompts.texts(name) for name in self.classes}
        self._check(texts)
        flat = [text for group in texts.values() for text in group]
        parts = []
        with torch.inference_mode():
            for i in range(0, len(flat), TEXT_BATCH):
                tokens = self._tokens(flat[i : i + TEXT_BATCH])
                parts.append(_unit(self.model.get_text_features(**tokens)))
            every = torch.cat(parts)
            means, start = [], 0
            for group in texts.values():
                means.append(every[start : start + len(group)].mean(dim=0))
                start += len(group)
            return torch.nn.functional.normalize(torch.stack(means), dim=-1)

    def _check(self, texts: Mapping[str, list[str]]) -> None:
        """Refuse a tokenizer without a vocabulary: it reads every sentence as the same."""
        seen: dict[tuple[int, ...], str] = {}
        for name, group in texts.items():
            for row in self._tokens(group)["input_ids"].tolist():
                if seen.setdefault(tuple(row), name) != name:
                    raise no_tokenizer(f"{name} and {seen[tuple(row)]} read as the same")

    def _tokens(self, texts: list[str]) -> dict[str, Any]:
        """Token ids, padded to the length that the text model was trained with."""
        config = getattr(self.model.config, "text_config", self.model.config)
        length = int(getattr(config, "max_position_embeddings", 64))
        tokens = self.processor.tokenizer(
            texts,
            padding="max_length",
            padding_side="right",
            truncation=True,
            max_length=length,
            return_tensors="pt",
        )
        names = {"input_ids", "attention_mask"}
        if str(self.model.config.model_type).startswith("siglip"):
            names.discard("attention_mask")  # trained to look at the padding too
        return {k: v.to(self.model.device) for k, v in tokens.items() if k in names}


def _unit(output: Any) -> Any:
    """Features of unit length in single precision; some versions wrap them in an output."""
    import torch

    features = getattr(output, "pooler_output", output)
    return torch.nn.functional.normalize(features.float(), dim=-1)
