"""The recording proxy: a provider's bytes pass through unchanged, the turn is recorded afterwards.

A raw ASGI application, mounted in front of Django for paths that begin with ``/proxy/``:
no middleware, no thread and no query lie between the provider's bytes and the client.
``docs/proxy.md`` says what passes and what is kept.
"""
