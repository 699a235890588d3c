# -*- coding: utf-8 -*-
"""What the original library reads of its service at import."""

import os

DEBUG = False
PI_BASE_URL = "/"
PI_ALLOWED_NETWORKS = ["127.0.0.1/32"]
PI_API_NAME = "EBUio-PlugIt"
PI_USE_PROXY_IP = False
API_URL = os.environ["API_URL"]
