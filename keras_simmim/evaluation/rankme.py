import numpy as np

from keras_simmim.evaluation.check_embeddings import check_embeddings


def rankme(embeddings: np.ndarray) -> float:
    """Effective rank of embeddings: how many dimensions they use, by their singular values.

    exp of the entropy of `p_k = sigma_k / (sum of sigma) + 1e-7`. The paper finds that it tells,
    without labels, which of several trainings gives the better features. Embeddings are taken as
    they are, neither centred nor brought to unit length. They need 8 bytes an entry in memory.

    Args:
        embeddings: float `(N, D)` of at least one image. The rank can't exceed N, so N should be
            well above D (25,600 in the paper).

    Returns:
        1...min(N, D), 1 for embeddings that have collapsed to one direction; 0 where all are 0.

    Raises:
        ValueError: for embeddings of another rank, none, or that are not finite.

    Reference:
        Garrido et al. 2023, "RankMe: Assessing the downstream performance of pretrained
        self-supervised representations by their rank" (arXiv 2210.02885), section 3, equation 1.
    """
    z = check_embeddings(embeddings, {2: "(images, dim)"}, least=1)
    sigma = np.linalg.svd(z.astype("float64"), compute_uv=False)
    total = sigma.sum()
    if total == 0:
        return 0.0
    p = sigma / total + 1e-7
    return float(np.exp(-np.sum(p * np.log(p))))
