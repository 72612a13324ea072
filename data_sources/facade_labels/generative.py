"""Models that answer in words: every class is scored by how likely its words are as the answer.

The score of a class is the mean log-probability of its answer's tokens, given the tile and the
question. The model is never left to write: whatever it would have said, the result is a number for
every class.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from data_sources.facade_labels.prompts import Prompts, no_tokenizer
from heatmat.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

SIDE = 336
"""Every tile is brought to this side [pixels], so that all prompts of a batch have one length."""

TOLERANCE = 0.02
"""By how much the two ways of scoring may differ [nats], times 10 in half precision: the spread of
label scores is some nats, and half precision carries three digits."""


class GenerativeScorer:
    """Scores of tiles over the classes of `prompts`.

    The prompt with its picture is by far the longest part, and all answers share it: it is computed
    once a tile and its keys and values are kept. Whether that gives what the whole text gives, each
    model shows on its first batch; where it does not, every answer is computed with the whole text.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        An image-text-to-text model.
    processor : transformers.ProcessorMixin
        With a chat template.
    prompts : Prompts
    """

    family = "generative"
    side: int | None = SIDE

    def __init__(self, model: Any, processor: Any, prompts: Prompts) -> None:
        self.model, self.processor = model, processor
        self.classes = prompts.classes
        self.question = prompts.asked()
        self.processor.tokenizer.padding_side = "left"
        self._answers = [self._answer(prompts.answers[name]) for name in self.classes]
        read = {tuple(answer.tolist()) for answer in self._answers}
        if len(read) < len(self._answers) or () in read:
            raise no_tokenizer(f"{len(read)} different answers of {len(self._answers)}")
        self.shares_prompt: bool | None = None
        """Whether keys and values of the prompt are reused; None: not known yet."""

    def score(self, tiles: Sequence[Image.Image]) -> np.ndarray:
        """Mean log-probabilities, shape (tiles, classes)."""
        import torch

        inputs = self._inputs(tiles)
        with torch.inference_mode():
            if self.shares_prompt is None:
                return self._compare(inputs)
            scores = self._shared(inputs) if self.shares_prompt else self._whole(inputs)
            return np.asarray(scores.cpu().numpy(), dtype=np.float64)

    def _compare(self, inputs: dict[str, Any]) -> np.ndarray:
        """Scores of the first batch, both ways."""
        import torch

        whole = self._whole(inputs)
        half = self.model.dtype != torch.float32
        try:
            gap = float((self._shared(inputs) - whole).abs().max())
            self.shares_prompt = gap < TOLERANCE * (10 if half else 1)
        except torch.OutOfMemoryError:
            raise
        except Exception:  # noqa: BLE001 - models keep their state in many ways; the other way works
            self.shares_prompt = False
        return np.asarray(whole.cpu().numpy(), dtype=np.float64)

    def _whole(self, inputs: dict[str, Any]) -> Any:
        """Prompt and answer in one text, answer by answer."""
        import torch

        columns = []
        for answer in self._answers:
            given = _longer(inputs, answer)
            logits = self.model(**given, use_cache=False).logits[:, -len(answer) - 1 : -1]
            columns.append(_mean_log_probability(logits, answer))
        return torch.stack(columns, dim=1)

    def _shared(self, inputs: dict[str, Any]) -> Any:
        """The prompt once, then each answer behind a copy of its keys and values."""
        import torch

        start = self.model(**inputs, use_cache=True)
        first, kept = start.logits[:, -1:], start.past_key_values
        columns = []
        for answer in self._answers:
            logits = first
            if len(answer) > 1:
                rows = len(first)
                mask = inputs["attention_mask"]
                more = answer[:-1].to(self.model.device).expand(rows, -1)
                step = self.model(
                    input_ids=more,
                    attention_mask=torch.cat([mask, mask.new_ones(more.shape)], dim=1),
                    past_key_values=copy.deepcopy(kept),
                    use_cache=True,
                )
                logits = torch.cat([first, step.logits], dim=1)
            columns.append(_mean_log_probability(logits, answer))
        return torch.stack(columns, dim=1)

    def _inputs(self, tiles: Sequence[Image.Image]) -> dict[str, Any]:
        """Token ids, pixels and what else the model takes, on its device."""
        talks = [self._talk({"type": "image", "image": tile}) for tile in tiles]
        options: dict[str, Any] = {"padding": True}
        if hasattr(self.processor.image_processor, "do_image_splitting"):
            options["do_image_splitting"] = False  # a tile is small: its parts show nothing more
        made = self.processor.apply_chat_template(
            talks,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs=options,
        )
        device, dtype = self.model.device, self.model.dtype
        return {
            key: value.to(device, dtype) if value.is_floating_point() else value.to(device)
            for key, value in made.items()
        }

    def _talk(self, image: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"role": "user", "content": [image, {"type": "text", "text": self.question}]}]

    def _answer(self, words: str) -> Any:
        """Token ids of an answer as they follow the prompt, shape (tokens,)."""
        import torch

        try:
            prompt = self.processor.apply_chat_template(
                self._talk({"type": "image"}), add_generation_prompt=True, tokenize=False
            )
        except (ValueError, AttributeError, KeyError) as error:
            raise InputError(
                "the model cannot be asked in a chat",
                where="chat template",
                got=str(error).split("\n")[0],
                remedy="take one that is tuned to instructions (its name often ends in -Instruct)",
            ) from None
        gap = "" if prompt[-1:].isspace() else " "
        tokenizer = self.processor.tokenizer
        head = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        both = tokenizer(prompt + gap + words, add_special_tokens=False)["input_ids"]
        # Where the prompt's last token merges with the answer's first, the answer stands alone.
        alone = both[: len(head)] != head or len(both) == len(head)
        ids = (
            tokenizer(words, add_special_tokens=False)["input_ids"] if alone else both[len(head) :]
        )
        return torch.tensor(ids, dtype=torch.long)


def _longer(inputs: dict[str, Any], answer: Any) -> dict[str, Any]:
    """The inputs with an answer behind every prompt."""
    import torch

    given = dict(inputs)
    length = inputs["input_ids"].shape
    for key, value in inputs.items():
        if key == "input_ids":
            end = answer.to(value.device).expand(length[0], -1)
        elif value.shape == length and not value.is_floating_point():
            # The mask goes on with ones; what marks the kind of each token goes on with text, 0.
            new = value.new_ones if key == "attention_mask" else value.new_zeros
            end = new((length[0], len(answer)))
        else:
            continue
        given[key] = torch.cat([value, end], dim=1)
    return given


def _mean_log_probability(logits: Any, answer: Any) -> Any:
    """Of an answer's tokens under the logits that come before each, shape (rows,)."""
    import torch

    log_p = torch.log_softmax(logits.float(), dim=-1)
    ids = answer.to(logits.device).expand(len(logits), -1)[..., None]
    return log_p.gather(2, ids)[..., 0].mean(dim=1)
