"""Models derived from the original: pruned, distilled. Each is exported and measured beside it."""
