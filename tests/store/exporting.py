"""An application with a real instrumentation, in a process of its own: they patch the SDKs.

``python -m tests.store.exporting <instrumentation>`` asks the model for a call, answers it, and
asks again; its spans and log records go to Misfire over OTLP/HTTP. Prints what the application
saw, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from openai import OpenAI
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

RESULT = '{"celsius": 21}'
QUESTION = "What is the weather in Lisbon?"
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city now.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
CALL = {"type": "function", "function": {"name": "get_weather"}}
Saw = dict[str, Any]


class Telemetry:
    """Where spans and log records go."""

    def __init__(self) -> None:
        url = os.environ["MISFIRE_URL"]
        headers = {"Authorization": f"Bearer {os.environ['MISFIRE_KEY']}"}
        resource = Resource.create({"service.name": "exporting"})
        self.traces = TracerProvider(resource=resource)
        spans = OTLPSpanExporter(f"{url}/v1/traces", headers=headers)
        self.traces.add_span_processor(BatchSpanProcessor(spans))
        self.logs = LoggerProvider(resource=resource)
        records = OTLPLogExporter(f"{url}/v1/logs", headers=headers)
        self.logs.add_log_record_processor(SimpleLogRecordProcessor(records))

    def close(self) -> None:
        self.traces.shutdown()
        self.logs.shutdown()


def converse(telemetry: Telemetry) -> Saw:
    """A call and its answer through the OpenAI SDK, under a span of the application."""
    with telemetry.traces.get_tracer("exporting").start_as_current_span("answer a user"):
        return _converse()


def _converse() -> Saw:
    client: Any = OpenAI(base_url=os.environ["MODEL_URL"], api_key=os.environ["MODEL_KEY"])
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    asked: dict[str, Any] = {
        "model": os.environ["MODEL_NAME"],
        "tools": [TOOL],
        "temperature": 0,
        "max_tokens": 40,
    }
    first = client.chat.completions.create(messages=messages, tool_choice=CALL, **asked)
    call = first.choices[0].message.tool_calls[0]
    said = {"id": call.id, "type": "function"}
    said["function"] = {"name": call.function.name, "arguments": call.function.arguments}
    messages.append({"role": "assistant", "content": None, "tool_calls": [said]})
    messages.append({"role": "tool", "tool_call_id": call.id, "content": RESULT})
    last = client.chat.completions.create(messages=messages, **asked | {"max_tokens": 6})
    client.close()
    answer = last.choices[0].message
    return {"calls": [said["function"]], "answer": answer.content or "", "model": first.model}


def trace_openai_v2(telemetry: Telemetry) -> Saw:
    from opentelemetry.instrumentation.openai_v2 import OpenAIInstrumentor

    instrumentor: Any = OpenAIInstrumentor
    instrumentor().instrument(tracer_provider=telemetry.traces, logger_provider=telemetry.logs)
    return converse(telemetry)


def trace_openinference(telemetry: Telemetry) -> Saw:
    from openinference.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(tracer_provider=telemetry.traces)
    return converse(telemetry)


def trace_openllmetry(telemetry: Telemetry) -> Saw:
    from opentelemetry.instrumentation.openai import OpenAIInstrumentor

    OpenAIInstrumentor().instrument(tracer_provider=telemetry.traces)
    return converse(telemetry)


def trace_pydantic_ai(telemetry: Telemetry) -> Saw:
    """pydantic-ai traces itself, and runs the tool, too."""
    from pydantic_ai import Agent
    from pydantic_ai.agent import InstrumentationSettings
    from pydantic_ai.exceptions import UsageLimitExceeded
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider
    from pydantic_ai.usage import UsageLimits

    saw: Saw = {"calls": [], "answer": "", "model": os.environ["MODEL_NAME"]}
    provider = OpenAIProvider(base_url=os.environ["MODEL_URL"], api_key=os.environ["MODEL_KEY"])
    model = OpenAIChatModel(os.environ["MODEL_NAME"], provider=provider)
    settings = InstrumentationSettings(tracer_provider=telemetry.traces)
    agent = Agent(model, model_settings={"temperature": 0, "max_tokens": 28}, retries=0)
    agent.instrument = settings

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """The weather of a city now."""
        saw["calls"].append({"name": "get_weather", "arguments": json.dumps({"city": city})})
        return RESULT

    try:
        found = asyncio.run(agent.run(QUESTION, usage_limits=UsageLimits(request_limit=2)))
        saw["answer"] = found.output
    except UsageLimitExceeded:  # a small model may go on calling
        pass
    return saw


KINDS: dict[str, Callable[[Telemetry], Saw]] = {
    "openai_v2": trace_openai_v2,
    "openinference": trace_openinference,
    "openllmetry": trace_openllmetry,
    "pydantic_ai": trace_pydantic_ai,
}

if __name__ == "__main__":
    telemetry = Telemetry()
    seen = KINDS[sys.argv[1]](telemetry)
    telemetry.close()
    print(json.dumps(seen))
