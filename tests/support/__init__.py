"""What the tests share: recipes of pipelines and datasets, torch's loader as the reference, and exact comparison."""
