"""What is drawn from other operations: policies, and transforms that make others, some of them, or in another order."""
