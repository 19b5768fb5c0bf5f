"""What clients send back with a reply is sealed with the time that replicas share, not with that of one machine."""

import json
import time

import pytest

from clientary_mcp.server.request_state import SharedTimeCodec

KEYS = [b"k" * 32]
HOUR = 3_600


def claims(codec: SharedTimeCodec, sealed: str) -> dict[str, float]:
    return dict(json.loads(codec.unseal(sealed)))


@pytest.mark.parametrize("ahead", [-HOUR, 0, HOUR])
def test_each_machine_reads_it_by_its_own_clock(ahead: int) -> None:
    wrong, right = SharedTimeCodec(KEYS, lambda: time.time() - ahead), SharedTimeCodec(KEYS, time.time)
    now = 1_000_000.0
    sealed = wrong.seal(json.dumps({"iat": now + ahead, "exp": now + ahead + 60, "s": "the state"}).encode())
    assert claims(right, sealed) == pytest.approx({"iat": now, "exp": now + 60, "s": "the state"}, abs=5)
    assert claims(wrong, sealed)["iat"] == pytest.approx(now + ahead, abs=5)
