# -*- coding: utf-8 -*-
"""The name under which ``plugit_proxy.urls`` looks for its own views: sites used to copy the package to ``plugIt``."""

import sys

from plugit_proxy import views

sys.modules[__name__ + ".views"] = views
