"""How well distances between documents agree with people's judgement (Lee et al., 2005)."""

import numpy as np


def pearson(outputs: dict[str, np.ndarray], labels: np.ndarray) -> float:
    """Pearson's r between the cosines of all pairs of documents and the human similarities.

    Args:
        outputs: `embedding`, (documents, hidden), of unit length.
        labels: (documents, documents), a row for each document.
    """
    embedding = outputs["embedding"].astype(np.float64)
    above = np.triu_indices(len(embedding), k=1)
    return float(np.corrcoef((embedding @ embedding.T)[above], labels[above])[0, 1])
