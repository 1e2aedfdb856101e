import numpy as np

from keras_simmim.reports.libraries import import_extra

# Fewer make no map.
LEAST = 5


def flat_map(features: np.ndarray, seed: int = 0) -> np.ndarray:
    """Lays features out in two dimensions, neighbours near each other: PCA, then t-SNE.

    Args:
        features: `(N, F)`, N >= 5, of which at most some thousands.
        seed: seed of t-SNE.

    Returns:
        `(N, 2)` float32.

    Raises:
        ImportError: without scikit-learn; the message names the extra.

    Reference:
        van der Maaten and Hinton 2008, "Visualizing Data using t-SNE", section 4.2: PCA first.
    """
    decomposition, manifold = import_extra("sklearn.decomposition", "sklearn.manifold")
    few = min(50, *features.shape)
    with np.errstate(invalid="ignore"):  # where all features are the same
        reduced = decomposition.PCA(few, random_state=seed).fit_transform(features)
    # The default is 30, and less than the number of images.
    perplexity = min(30, (len(features) - 1) / 3)
    # Scaled by itself, as features that have collapsed would be divided by 0.
    start = 1e-4 * reduced[:, :2] / max(1e-12, reduced[:, 0].std())
    tsne = manifold.TSNE(perplexity=perplexity, init=start, max_iter=500, random_state=seed)
    return tsne.fit_transform(reduced).astype("float32")
