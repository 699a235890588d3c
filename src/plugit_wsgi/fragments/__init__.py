"""Fragments of services on pages of the host, where the host's templates put a mark."""

from .marks import FragmentMarks
from .pages import FragmentPages

__all__ = ["FragmentMarks", "FragmentPages"]
