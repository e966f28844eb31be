"""Distributed training: process group and lost ranks."""
