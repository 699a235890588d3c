"""The API that services call back."""
