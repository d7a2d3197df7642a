"""HTTP and WebSocket. The only package that imports aiohttp.web.

Routes stand in one table (routes.py), errors leave through one middleware (middleware.py), and
what a handler needs of the rest of the appliance comes as callables (backend.py).
"""
