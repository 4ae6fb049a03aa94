"""Model providers: one file a protocol, loaded when it is first used."""

from __future__ import annotations

from importlib import import_module

from conversations.providers.base import Ask, Endpoint, Exchange, Provider
from conversations.providers.faults import ProviderFault

PROVIDERS = {
    "local": "conversations.providers.openai:Local",
    "openai": "conversations.providers.openai:OpenAI",
    "anthropic": "conversations.providers.anthropic:Anthropic",
    "ollama": "conversations.providers.ollama:Ollama",
    "scripted": "conversations.providers.scripted:Scripted",
}
SDKS = ("openai.resources.chat", "openai.resources.responses", "anthropic.resources.messages")

__all__ = [
    "PROVIDERS",
    "Ask",
    "Endpoint",
    "Exchange",
    "Provider",
    "ProviderFault",
    "load",
    "load_all",
]


def load(protocol: str) -> type[Provider]:
    """The provider's class; raises KeyError for a protocol that no file speaks."""
    module, _, name = PROVIDERS[protocol].partition(":")
    return getattr(import_module(module), name)  # type: ignore[no-any-return]


def load_all() -> None:
    """Import every provider and its SDK now, which takes seconds, so that no run waits for it."""
    for protocol in PROVIDERS:
        load(protocol)
    for name in SDKS:
        import_module(name)
