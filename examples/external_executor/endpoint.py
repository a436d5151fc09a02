"""The endpoint: activities behind HTTP, with no worker and no connection to the server.

python -m external_executor.endpoint --port 8090
"""

from __future__ import annotations

import argparse
import asyncio
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from durable_workflow.invocable import handle_invocable_http_request


def charge(amount: int) -> dict[str, int]:
    """Charge a card."""
    if amount < 0:
        raise ArithmeticError(f"{amount} is no amount")
    return {"charged": amount}


HANDLERS = {"billing.charge": charge}


class Endpoint(BaseHTTPRequestHandler):
    """Runs the task in the body of each POST."""

    def do_POST(self) -> None:
        """Run one task."""
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        response = asyncio.run(handle_invocable_http_request(body, HANDLERS))
        content = response.body.encode()
        self.send_response(response.status_code)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def main() -> None:
    """Serve until it is stopped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8090)
    server = ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Endpoint)
    print(f"endpoint listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
