"""The practice model: offline, deterministic and honest about being no language model."""
