"""No call at all: a fixed text, a value sampled from the output schema, or a recorded result."""

from __future__ import annotations

import asyncio

from tools_registry.execution.executors.base import Answer, Fault, Job, Preview
from tools_registry.policies import execution
from tools_registry.samples import CannotSample, sample


class MockExecutor:
    def __init__(self, settings: execution.Mock) -> None:
        self.settings = settings

    @property
    def target(self) -> str:
        return "mock"

    def preview(self, job: Job) -> Preview:
        return Preview(f"Nothing is sent: the answer is {self.settings.answer}")

    async def run(self, job: Job) -> Answer:
        if self.settings.delay_ms:
            await asyncio.sleep(self.settings.delay_ms / 1000)
        match self.settings.answer:
            case "fixed":
                return Answer.of_text(self.settings.content, "fixed by the policy")
            case "sampled":
                return _sample(job)
            case "recorded":
                return await _find(job)


def _sample(job: Job) -> Answer:
    schema = job.spec.output_schema if job.spec else None
    if schema is None:
        raise Fault("tool_error", f"{job.tool} has no output schema to sample from")
    try:
        return Answer.of_value(sample(schema, seed=job.seed), "sampled from the output schema")
    except CannotSample as error:
        raise Fault("tool_error", f"No value could be sampled: {error}") from None


async def _find(job: Job) -> Answer:
    found = await job.recorded(job.tool, job.arguments) if job.recorded else None
    if found is None:
        raise Fault("tool_error", f"No result of {job.tool} with these arguments is recorded")
    return Answer.of_text(found, "recorded")
