"""What calls of language models take: metered in the append that records an answer, and kept within budgets."""
