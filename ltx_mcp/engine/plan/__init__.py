"""From what was asked to what the model will make: recipes, sizes, tiles, and what fits the memory."""
