"""An artifact in one line: what it is, and what it bought and cost."""

from slipway_operator.api.v1alpha1 import ArtifactStatus

BYTES_PER_MEGABYTE = 1_000_000


def summarize(artifact: ArtifactStatus, metric: str) -> str:
    """Variant, size, speed-up and drop; the last two where it is not the plain export itself."""
    derived = artifact.derivation not in (None, "Original")
    facts = [f"{artifact.derivation} {artifact.variant}" if derived else artifact.variant, _size(artifact.size_bytes)]
    is_plain = artifact.measured == artifact.baseline
    if artifact.speedup and not is_plain:
        facts.append(f"{artifact.speedup} times as fast as the plain export")
    if artifact.drop and not is_plain:
        facts.append(f"{metric} drop {artifact.drop}")
    return ", ".join(facts)


def _size(size_bytes: int) -> str:
    megabytes = size_bytes / BYTES_PER_MEGABYTE
    return f"{megabytes:.1f} MB" if megabytes >= 1 else f"{size_bytes / 1000:.1f} kB"
