"""Vectors in the plane by t-SNE: which frames the model holds for alike (Fig. 4 of the paper)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from core.evaluation.items import Vectors

MOST_FRAMES = 600
"""More make the map no clearer and the wait long."""
COLOURED = 8
"""Lesions with a colour of their own: more can't be told apart."""


def project(vectors: Vectors, seed: int = 0) -> npt.NDArray[np.float32]:
    """t-SNE (van der Maaten 2008) by cosine, started from the principal components.

    Args:
        vectors: (N, d) L2 rows, N ≥ 5.
        seed: the same gives the same map.

    Returns:
        (N, 2) float32 in 0…1, each side filled: the axes have no meaning of their own.
    """
    # scikit-learn costs a second and only the report needs it.
    from sklearn.manifold import TSNE

    perplexity = min(30.0, (len(vectors) - 1) / 3)
    # For unit vectors the squared distance is twice the cosine distance.
    made = TSNE(2, perplexity=perplexity, init="pca", random_state=seed, n_jobs=1).fit_transform(vectors)
    span = np.ptp(made, axis=0)
    return np.asarray((made - made.min(axis=0)) / np.where(span > 0, span, 1), dtype=np.float32)


def chosen_lesions(query: Sequence[Hashable | None], gallery: Sequence[Hashable | None]) -> list[Hashable]:
    """The lesions to colour: those with most frames on the weaker side, first come first among equals.

    Args:
        query: the identity of each query frame; None where it isn't known.
        gallery: that of each gallery frame.
    """
    counts: dict[Hashable, tuple[int, int]] = {}
    for side, identities in enumerate((query, gallery)):
        for identity in identities:
            if identity is not None:
                ours, theirs = counts.get(identity, (0, 0))
                counts[identity] = (ours + (side == 0), theirs + (side == 1))
    both = [identity for identity, found in counts.items() if min(found)]
    return sorted(both, key=lambda identity: -min(counts[identity]))[:COLOURED]


def chosen_frames(identities: Sequence[Hashable | None], coloured: Sequence[Hashable]) -> list[int]:
    """Places of the frames on the map: all of the coloured lesions, then others evenly, up to the most."""
    wanted = set(coloured)
    own = [at for at, identity in enumerate(identities) if identity in wanted]
    rest = [at for at, identity in enumerate(identities) if identity not in wanted]
    room = max(0, MOST_FRAMES - len(own))
    if len(rest) > room:
        rest = [rest[at] for at in np.linspace(0, len(rest) - 1, room).astype(int)] if room else []
    return sorted(own[:MOST_FRAMES] + rest)
