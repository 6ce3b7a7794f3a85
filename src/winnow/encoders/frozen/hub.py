"""Downloads from the model hub that fail at once where there is no network, and use what is cached."""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from urllib.request import getproxies

from huggingface_hub import constants

from winnow.errors import first_sentence

_SECONDS_TO_ANSWER = 5.0


def hub_answers() -> bool:
    """Whether the hub accepts connections; behind a proxy this is assumed, since it cannot be tested."""
    if constants.HF_HUB_OFFLINE:
        return False
    if getproxies().get("https"):
        return True
    address = urlsplit(constants.ENDPOINT)
    port = address.port or (80 if address.scheme == "http" else 443)
    try:
        socket.create_connection((address.hostname or "", port), timeout=_SECONDS_TO_ANSWER).close()
    except OSError:
        return False
    return True


@contextmanager
def quick_hub() -> Iterator[bool]:
    """Within it, weights come from the cache alone if the hub does not answer; yields whether it does.

    The hub's own client tries again for a minute before it gives up, printing a warning each time.
    """
    offline, disabled = constants.HF_HUB_OFFLINE, logging.root.manager.disable
    answers = hub_answers()
    constants.HF_HUB_OFFLINE = not answers
    logging.disable(logging.ERROR)
    try:
        yield answers
    finally:
        constants.HF_HUB_OFFLINE = offline
        logging.disable(disabled)


def why_no_download(error: BaseException, *, answers: bool) -> str:
    """The reason for an error message: the hub does not answer, or the error itself."""
    return first_sentence(error) if answers else f"{constants.ENDPOINT} does not answer"


def cache_folder() -> str:
    """Where downloaded weights are kept."""
    return os.fspath(constants.HF_HUB_CACHE)
