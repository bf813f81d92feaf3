"""Losses over a batch of matching pairs; row i of the queries belongs to row i of the references."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def correlate(ground: Tensor, aerial: Tensor) -> Tensor:
    """Mean cosine of every photo with every tile at every shift.

    Args:
        ground: (B, w, E) columns as the encoders give them, unit norm over w * E.
        aerial: (N, W, E) likewise, W >= w.

    Returns:
        (B, N, W): at shift s the photo's column j is compared with the tile's column (j + s) mod W.
    """
    seen, total = ground.shape[1], aerial.shape[1]
    # by frequency it is a product, many times as fast
    photo, tile = (torch.fft.rfft(_exact(side), n=total, dim=1) for side in (ground, aerial))
    spectrum = torch.einsum("bke,nke->bnk", photo.conj(), tile)
    cosine: Tensor = torch.fft.irfft(spectrum, n=total, dim=2) * (total / seen) ** 0.5
    return cosine


def _exact(x: Tensor) -> Tensor:
    """There is no Fourier transform of half precision."""
    return x if x.dtype == torch.float64 else x.float()


def soft_margin_triplet(similarity: Tensor, alpha: float = 20.0) -> Tensor:
    """Pull matching rows together against every other row of the batch.

    Args:
        similarity: (B, B) cosines, queries by references; the diagonal holds the matching pairs.
        alpha: slope on the cosine gap; 20 on cosines equals 10 on squared distances.

    Returns:
        Scalar mean over both directions and all B (B - 1) negatives.

    Source: Hu et al., CVM-Net (CVPR 2018), eq. 6, in the cosine form that TransGeo trains with.
    """
    positive = similarity.diagonal()
    negatives = ~torch.eye(len(similarity), dtype=torch.bool, device=similarity.device)
    forward = F.softplus(alpha * (similarity - positive[:, None]))[negatives]
    backward = F.softplus(alpha * (similarity - positive[None, :]))[negatives]
    return (forward.mean() + backward.mean()) / 2


def hinge_triplet(similarity: Tensor, margin: float) -> Tensor:
    """Push every other row of the batch at least a margin farther away than the matching one.

    The distance is the squared Euclidean one of unit vectors, d = 2 - 2 cos, in [0, 4], as in FaceNet: its gap is
    linear in the cosines, so that no gradient is lost where two embeddings meet.

    Args:
        similarity: (B, B) cosines, queries by references; the diagonal holds the matching pairs.
        margin: wanted gap between squared distances.

    Returns:
        Scalar mean of max(0, d_ap - d_an + margin) over both directions and all B (B - 1) negatives.

    Source: Schroff et al., FaceNet (CVPR 2015), section 3.1, over every negative of the batch.
    """
    positive = similarity.diagonal()
    negatives = ~torch.eye(len(similarity), dtype=torch.bool, device=similarity.device)
    forward = F.relu(2 * (similarity - positive[:, None]) + margin)[negatives]
    backward = F.relu(2 * (similarity - positive[None, :]) + margin)[negatives]
    return (forward.mean() + backward.mean()) / 2


def contrastive(similarity: Tensor, margin: float, *, halved: bool) -> Tensor:
    """Pull matching pairs together and push strangers out of a margin.

    D = sqrt(2 - 2 cos) is the Euclidean distance of unit vectors, in [0, 2]; Y is 0 for a matching pair, 1 for another.

    Args:
        similarity: (B, B) cosines, queries by references; the diagonal holds the matching pairs.
        margin: distance beyond which a stranger no longer counts.
        halved: True for (1 - Y) D^2 / 2 + Y max(0, margin - D)^2 / 2, False for twice that, as some texts have it.

    Returns:
        Scalar mean over all B * B pairs, each counting the same: the B matching ones weigh 1 / B of the whole.

    Source: Hadsell et al., "Dimensionality reduction by learning an invariant mapping" (CVPR 2006), eq. 4.
    """
    squared = 2 - 2 * similarity
    # The root has no slope at 0, and rounding may even leave a negative: there the distance counts as constant.
    distance = squared.clamp(min=torch.finfo(squared.dtype).eps).sqrt()
    matching = torch.eye(len(similarity), dtype=torch.bool, device=similarity.device)
    pairs = torch.where(matching, squared, F.relu(margin - distance).square())
    return pairs.mean() * (0.5 if halved else 1.0)


def symmetric_infonce(similarity: Tensor, scale: Tensor | float, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of the matching pair against the batch, mean of both directions.

    Args:
        similarity: (B, B) cosines, queries by references.
        scale: inverse temperature.
        smoothing: label smoothing in [0, 1).

    Source: Radford et al., CLIP (ICML 2021), as Sample4Geo (ICCV 2023) trains with it.
    """
    logits = similarity * scale
    target = torch.arange(len(logits), device=logits.device)
    forward = F.cross_entropy(logits, target, label_smoothing=smoothing)
    backward = F.cross_entropy(logits.T, target, label_smoothing=smoothing)
    return (forward + backward) / 2


def heading_cross_entropy(correlation: Tensor, shift: Tensor, scale: Tensor | float) -> Tensor:
    """Cross-entropy of the shift inside the matching tile.

    Args:
        correlation: (B, W) mean cosines of each photo with its own tile, a shift a column.
        shift: (B,) true shift in columns, real-valued in [0, W): its two neighbours share the target.
        scale: inverse temperature.
    """
    return F.cross_entropy(correlation * scale, heading_target(shift, correlation.shape[1]))


def heading_target(shift: Tensor, total: int) -> Tensor:
    """Real-valued shifts (B,) in [0, W) -> (B, W): the two columns around share each by their distance."""
    low = shift.floor()
    share = (shift - low).unsqueeze(1)
    index = low.long() % total
    return F.one_hot(index, total) * (1 - share) + F.one_hot((index + 1) % total, total) * share


def pair_similarity(correlation: Tensor, shift: Tensor) -> Tensor:
    """Reduce (B, B, W) to (B, B): the best shift for strangers, the true one for matching pairs.

    Args:
        correlation: from `correlate`.
        shift: (B,) true shift of each matching pair, real-valued; the better of its two neighbours counts.
    """
    batch, _, total = correlation.shape
    best = correlation.amax(-1)
    own = correlation.diagonal(dim1=0, dim2=1).T  # (B, W)
    low = shift.floor().long() % total
    near = torch.maximum(own.gather(1, low[:, None]), own.gather(1, ((low + 1) % total)[:, None]))[:, 0]
    exact = shift == shift.floor()
    true = torch.where(exact, own.gather(1, low[:, None])[:, 0], near)
    diagonal = torch.eye(batch, dtype=torch.bool, device=correlation.device)
    return torch.where(diagonal, true[:, None].expand_as(best), best)
