"""From the recipe to data, network, optimiser and plan."""
