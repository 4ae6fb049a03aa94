"""What an application changes so that its calls go through the proxy, for each SDK. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote as quote_for_shell
from urllib.parse import quote

from console.lib import json

MESSAGE = "What is the weather in Oslo right now?"
ANY_MODEL = "your-model"


@dataclass(frozen=True, slots=True)
class Target:
    """A connection as snippets name it. ``lends`` says that the console has a key for it."""

    name: str
    kind: str
    model: str = ""
    lends: bool = False

    @property
    def speaks_anthropic(self) -> bool:
        return self.kind == "anthropic"


@dataclass(frozen=True, slots=True)
class Snippet:
    """``missing`` is the protocol that no connection of the project speaks yet, else ""."""

    slug: str
    title: str
    text: str
    missing: str = ""


def write_snippets(site: str, targets: Sequence[Target], chosen: str = "") -> list[Snippet]:
    """The snippets of every SDK. ``chosen`` is the name of the connection to use where it fits."""
    first = sorted(targets, key=lambda target: target.name != chosen)
    openai = next((target for target in first if not target.speaks_anthropic), None)
    anthropic = next((target for target in first if target.speaks_anthropic), None)
    gap = "" if openai else "OpenAI"
    other_gap = "" if anthropic else "Anthropic"
    chat = openai or Target("openai", "openai")
    messages = anthropic or Target("anthropic", "anthropic")
    return [
        Snippet("openai-python", "OpenAI, Python", _openai_python(site, chat), gap),
        Snippet("openai-js", "OpenAI, JavaScript", _openai_js(site, chat), gap),
        Snippet(
            "anthropic-python", "Anthropic, Python", _anthropic_python(site, messages), other_gap
        ),
        Snippet("anthropic-js", "Anthropic, JavaScript", _anthropic_js(site, messages), other_gap),
        Snippet("langchain", "LangChain", _langchain(site, chat), gap),
        Snippet("curl", "curl", write_curl(site, chat), gap),
    ]


def base_of(site: str, target: Target, key: str = "") -> str:
    """The address that stands for the provider's, without ``/v1``."""
    way = f"k/{key}/" if key else ""
    return f"{site}/proxy/{way}{quote(target.name, safe='')}"


def write_exporter(site: str) -> str:
    """The settings of any OpenTelemetry exporter over HTTP."""
    return (
        f"export OTEL_EXPORTER_OTLP_TRACES_ENDPOINT={site}/v1/traces\n"
        "export OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf\n"
        'export OTEL_EXPORTER_OTLP_TRACES_HEADERS="Authorization=Bearer%20$MISFIRE_KEY"\n'
        "export OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental\n"
        "export OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=SPAN_ONLY"
    )


def _openai_python(site: str, target: Target) -> str:
    own = '    api_key=os.environ["MISFIRE_KEY"],  # the console adds the provider\'s key\n'
    header = '    default_headers={"X-Misfire-Key": os.environ["MISFIRE_KEY"]},\n'
    return (
        "import os\n\nfrom openai import OpenAI\n\n"
        "client = OpenAI(\n"
        f'    base_url="{base_of(site, target)}/v1",\n'
        f"{own if target.lends else header}"
        ")\n"
        "answer = client.chat.completions.create(\n"
        f"    model={_model(target)},\n"
        f'    messages=[{{"role": "user", "content": "{MESSAGE}"}}],\n'
        ")"
    )


def _openai_js(site: str, target: Target) -> str:
    own = "  apiKey: process.env.MISFIRE_KEY, // the console adds the provider's key\n"
    header = '  defaultHeaders: { "X-Misfire-Key": process.env.MISFIRE_KEY },\n'
    return (
        'import OpenAI from "openai";\n\n'
        "const client = new OpenAI({\n"
        f'  baseURL: "{base_of(site, target)}/v1",\n'
        f"{own if target.lends else header}"
        "});"
    )


def _anthropic_python(site: str, target: Target) -> str:
    own = '    api_key=os.environ["MISFIRE_KEY"],  # the console adds the provider\'s key\n'
    header = '    default_headers={"X-Misfire-Key": os.environ["MISFIRE_KEY"]},\n'
    return (
        "import os\n\nfrom anthropic import Anthropic\n\n"
        "client = Anthropic(\n"
        f'    base_url="{base_of(site, target)}",\n'
        f"{own if target.lends else header}"
        ")\n"
        "answer = client.messages.create(\n"
        f"    model={_model(target)},\n"
        "    max_tokens=1000,\n"
        f'    messages=[{{"role": "user", "content": "{MESSAGE}"}}],\n'
        ")"
    )


def _anthropic_js(site: str, target: Target) -> str:
    own = "  apiKey: process.env.MISFIRE_KEY, // the console adds the provider's key\n"
    header = '  defaultHeaders: { "X-Misfire-Key": process.env.MISFIRE_KEY },\n'
    return (
        'import Anthropic from "@anthropic-ai/sdk";\n\n'
        "const client = new Anthropic({\n"
        f'  baseURL: "{base_of(site, target)}",\n'
        f"{own if target.lends else header}"
        "});"
    )


def _langchain(site: str, target: Target) -> str:
    own = '    api_key=os.environ["MISFIRE_KEY"],  # the console adds the provider\'s key\n'
    header = '    default_headers={"X-Misfire-Key": os.environ["MISFIRE_KEY"]},\n'
    return (
        "import os\n\nfrom langchain_openai import ChatOpenAI\n\n"
        "model = ChatOpenAI(\n"
        f"    model={_model(target)},\n"
        f'    base_url="{base_of(site, target)}/v1",\n'
        f"{own if target.lends else header}"
        ")"
    )


def write_curl(site: str, target: Target) -> str:
    """One call through the proxy, without any SDK."""
    provider = "" if target.lends else '  -H "Authorization: Bearer $OPENAI_API_KEY" \\\n'
    messages = f'[{{"role": "user", "content": "{MESSAGE}"}}]'
    body = f'{{"model": {_model(target)}, "messages": {messages}}}'
    return (
        f"curl {base_of(site, target)}/v1/chat/completions \\\n"
        '  -H "X-Misfire-Key: $MISFIRE_KEY" \\\n'
        f"{provider}"
        '  -H "Content-Type: application/json" \\\n'
        f"  -d {quote_for_shell(body)}"
    )


def _model(target: Target) -> str:
    """The model's name as a literal of JSON, which is one of Python and JavaScript, too."""
    return json.dump(target.model or ANY_MODEL)
