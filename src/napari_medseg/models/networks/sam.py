"""The network of Segment Anything (Kirillov et al., ICCV 2023), built by the library transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.networks.names import SAM_ACTIVATIONS, SAM_ARGUMENTS

if TYPE_CHECKING:
    from napari_medseg.models.card import NetworkSpec


class SamNetwork(nn.Module):
    """An encoder that looks at an image once, and a decoder that answers prompts on it.

    Parameters
    ----------
    sam : Module
        A ``SamModel`` of transformers.
    """

    def __init__(self, sam: nn.Module) -> None:
        super().__init__()
        self.sam = sam
        self.side = int(sam.config.vision_config.image_size)  # type: ignore[union-attr, arg-type]
        size = sam.config.prompt_encoder_config.image_embedding_size  # type: ignore[union-attr]
        self.scores_side = 4 * int(size)  # type: ignore[arg-type]

    @property
    def folds(self) -> list[nn.Module]:
        """What a file of weights names the parts of."""
        return [self.sam]

    def embed(self, pixels: torch.Tensor) -> torch.Tensor:
        """Look at an image, shape (1, 3, side, side)."""
        looked: torch.Tensor = self.sam.get_image_embeddings(pixels)  # type: ignore[operator]
        return looked

    def scores(
        self,
        embedding: torch.Tensor,
        points: torch.Tensor | None,
        positive: torch.Tensor | None,
        box: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the scores of the object that prompts point at; above 0 it is more likely than not.

        Parameters
        ----------
        embedding : Tensor
            From `embed`.
        points : Tensor, shape (n, 2), optional
            Column and row, in pixels of the image.
        positive : Tensor of int, shape (n,), optional
            1 for points in the object, 0 for others.
        box : Tensor, shape (4,), optional
            First column, first row, last column, last row.
        mask : Tensor, shape (scores_side, scores_side), optional
            Scores of the object so far.

        Returns
        -------
        Tensor, shape (scores_side, scores_side)
            For one point alone, the likeliest of the network's several answers.
        """
        alone = box is None and mask is None and points is not None and len(points) == 1
        found = self.sam(
            image_embeddings=embedding,
            input_points=None if points is None else points[None, None],
            input_labels=None if positive is None else positive[None, None],
            input_boxes=None if box is None else box[None, None],
            input_masks=None if mask is None else mask[None, None],
            multimask_output=alone,
        )
        masks: torch.Tensor = found.pred_masks[0, 0]
        return masks[found.iou_scores[0, 0].argmax()]

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the scores of what is in the middle of an image, shape (1, 1, scores_side, scores_side)."""
        middle = torch.full((1, 2), self.side / 2, device=image.device)
        return self.scores(self.embed(image), middle, torch.ones(1, dtype=torch.long, device=image.device))[None, None]


def build_sam(spec: NetworkSpec) -> SamNetwork:
    """Build the network of a Segment Anything model.

    Arguments: ``vision``, ``prompts`` and ``decoder``, with what `SAM_ARGUMENTS` lists; of the method that asks it
    ``mean`` and ``deviation``.
    """
    try:
        from transformers import SamConfig, SamModel
    except ImportError as error:
        raise MedsegError(
            "Segment Anything models need the package transformers.",
            'Install it with: pip install "napari-medseg[sam]".',
        ) from error
    parts = {part: _plain(part, spec.arguments.get(part)) for part in SAM_ARGUMENTS}
    config = SamConfig(
        vision_config=parts["vision"],
        prompt_encoder_config=parts["prompts"],
        mask_decoder_config=parts["decoder"],
    )
    return SamNetwork(SamModel(config))


def _plain(part: str, given: Any) -> dict[str, Any]:
    """Return what is told of a part, if all of it is numbers and known words."""
    if not isinstance(given, dict):
        raise ValueError(f"the network has no {part}")
    for name, value in given.items():
        if name not in SAM_ARGUMENTS[part]:
            raise ValueError(f"the argument {name} of {part} is unknown")
        numbers = value if isinstance(value, list) else [value]
        if name == "hidden_act":
            if value not in SAM_ACTIVATIONS:
                raise ValueError(f"the activation '{str(value)[:40]}' is unknown")
        elif not all(isinstance(number, bool | int | float) for number in numbers):
            raise ValueError(f"the argument {name} of {part} is no number")
    return given
