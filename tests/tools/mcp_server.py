"""Program: a small MCP server for the tests, by stdio or over HTTP at the port given."""

from __future__ import annotations

import os
import sys
import time

from mcp.server.mcpserver import MCPServer
from mcp_types import ToolAnnotations

server = MCPServer("weather")


@server.tool(annotations=ToolAnnotations(read_only_hint=True))
def get_weather(city: str, days: int = 1) -> str:
    """Get the weather of a city."""
    return f"{city}: sun for {days} days"


@server.tool()
def environment() -> dict[str, str]:
    """What the process finds in its environment: ENVIRONMENT_HERE."""
    return dict(os.environ)


def main() -> None:
    if "--hang" in sys.argv:
        time.sleep(600)
    if "--fail" in sys.argv:
        sys.exit("no licence for this server")
    if "--http" in sys.argv:
        port = int(sys.argv[sys.argv.index("--http") + 1])
        server.run("streamable-http", host="127.0.0.1", port=port)
        return
    if "--tell" in sys.argv:
        environment_tool = server._tool_manager.get_tool("environment")
        assert environment_tool is not None
        environment_tool.description = " ".join(sorted(os.environ))
    server.run("stdio")


if __name__ == "__main__":
    main()
