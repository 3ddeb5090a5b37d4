"""Environments whose observations, actions, rewards and infos are tensors of torch, on a GPU or on the processor."""
