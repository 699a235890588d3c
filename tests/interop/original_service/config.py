# -*- coding: utf-8 -*-
"""What the original library reads of its service at import."""

import os

DEBUG = os.environ.get("SERVICE_DEBUG") == "1"
PI_BASE_URL = os.environ.get("SERVICE_BASE_URL", "/")
PI_ALLOWED_NETWORKS = ["127.0.0.1/32"]
PI_API_NAME = "plugit-sample"
PI_USE_PROXY_IP = False
API_URL = os.environ.get("API_URL", "")
