"""What a recipe becomes: data, network, optimiser, plan."""
