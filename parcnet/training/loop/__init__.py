"""The training loop: epochs, steps, precision, seeds and non-finite numbers."""
