"""Settings of the service."""

DEBUG = False
PI_BASE_URL = "/"
PI_ALLOWED_NETWORKS = ["127.0.0.1/32"]
PI_API_NAME = "sdk-service"
