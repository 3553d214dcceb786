"""The listening socket of the API server, bound before anything else is started."""

import errno
import socket

from core.errors import AppError


def bind(host: str, port: int, fix: str) -> socket.socket:
    """A bound TCP socket that child processes may inherit; port 0 = any free port.

    `fix` is the sentence that tells the reader of the error how to choose another port.

    Raises:
        AppError: `port-in-use`, or `port-unavailable` with the system's reason.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # From here on a second server on the port fails at once.
        listener.listen(socket.SOMAXCONN)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise AppError(
                "port-in-use",
                f"{host}:{port} 已被别的程序占用。请停止它，或换一个端口：{fix}。",
                detail={"host": host, "port": port},
            ) from error
        raise AppError(
            "port-unavailable",
            f"不能监听 {host}:{port}（{error.strerror or error}）。请换一个地址或端口：{fix}。",
            detail={"host": host, "port": port},
        ) from error
    listener.set_inheritable(True)
    return listener


def url_of(listener: socket.socket) -> str:
    """The URL to open in a browser; a wildcard address becomes the loopback one."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
