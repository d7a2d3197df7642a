"""Serves HTTP and WebSocket. The only package that imports aiohttp.web.

Routes are listed in one table (routes.py), errors leave through one middleware (middleware.py),
and handlers get the rest of the appliance as callables and protocols (dependencies.py).
"""
