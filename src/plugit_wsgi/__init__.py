"""Mount independent web services with a user interface into any WSGI application."""
