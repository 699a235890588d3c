"""Mail: what services send through the host, and the replies that come back."""
