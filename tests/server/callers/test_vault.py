"""The vault: profiles, what is sealed of them, and the tokens that stand for them."""

import json
from typing import Any

import anyio
import pytest

from clientary_mcp.durations import DAY, HOUR
from clientary_mcp.errors import NotRemembered, SettingsError
from clientary_mcp.server.callers.caller import Caller
from clientary_mcp.server.callers.vault import Grant, Kind, Vault, digest
from clientary_mcp.settings.privileges import ALL_ALLOWED, Privileges
from clientary_mcp.state.key_values import StoredKeyValues
from clientary_mcp.state.sealing import KeyRing
from tests.server.callers.conftest import NEW_KEY, OLD_KEY, InterleavedKeyValues
from tests.support.clock import FakeTime

pytestmark = pytest.mark.anyio

ACME, BETA = "https://acme.clientary.com", "https://beta.clientary.com"
READ_ONLY = Privileges(read_only=True)
KINDS: tuple[Kind, ...] = ("access", "static")


async def enrolled(vault: Vault, **given: Any) -> Caller:
    """Anna, who works for acme."""
    return await vault.enroll(
        **{"name": "Anna", "account": ACME, "api_token": "t0ken-of-anna", "via": "tokens", **given}
    )


async def everything_in(values: StoredKeyValues) -> str:
    """All that the store holds."""
    keys = await values.keys("")
    return "\n".join([*keys, *[str(await values.get(key)) for key in keys]])


async def test_a_caller_is_found_with_the_credential(vault: Vault) -> None:
    anna = await enrolled(vault, privileges=READ_ONLY)
    assert await vault.caller(anna.id) == anna
    assert anna == Caller(anna.id, "Anna", ACME, "t0ken-of-anna", READ_ONLY, "tokens")
    assert await vault.caller("0" * 16) is None
    assert "t0ken" not in repr(anna)


async def test_the_id_is_the_credentials_on_its_account(vault: Vault) -> None:
    anna = await enrolled(vault)
    assert (await enrolled(vault, name="Anna B.")).id == anna.id
    others = [await enrolled(vault, api_token="another-token"), await enrolled(vault, account=BETA)]
    assert len({anna.id, *[other.id for other in others]}) == 3
    assert [len(anna.id), int(anna.id, 16) >= 0] == [16, True]


async def test_who_is_enrolled_again_keeps_the_operators_limits_and_the_tokens(vault: Vault) -> None:
    anna = await enrolled(vault)
    token = await vault.new_static_token(anna.id)
    assert await vault.limit(anna.id, READ_ONLY)
    assert (await enrolled(vault, name="Anna B.")).privileges == READ_ONLY
    assert await vault.grant(token, KINDS) is not None
    assert (await enrolled(vault, privileges=ALL_ALLOWED)).privileges == ALL_ALLOWED


async def test_the_store_holds_no_secret(vault: Vault, values: StoredKeyValues) -> None:
    anna = await enrolled(vault)
    token = await vault.new_static_token(anna.id)
    kept = await everything_in(values)
    assert [text for text in ("t0ken-of-anna", token, token.split("_", 2)[2], NEW_KEY) if text in kept] == []


async def test_a_profile_moved_to_another_caller_is_not_opened(vault: Vault, values: StoredKeyValues) -> None:
    anna, bob = await enrolled(vault), await enrolled(vault, name="Bob", api_token="t0ken-of-bob")
    await values.put(f"prof:{bob.id}", await values.get(f"prof:{anna.id}") or "")
    assert await vault.caller(bob.id) is None
    assert not await vault.limit(bob.id, READ_ONLY)


async def test_a_grant_moved_to_another_caller_stands_for_nothing(vault: Vault, values: StoredKeyValues) -> None:
    tokens = [
        await vault.new_static_token((await enrolled(vault, api_token=f"t0ken-of-{name}")).id)
        for name in ("anna", "bob")
    ]
    first, second = [f"tok:{token.split('_')[1]}:{digest(token)}" for token in tokens]
    await values.put(second, await values.get(first) or "")
    assert await vault.grant(tokens[0], KINDS) is not None
    assert await vault.grant(tokens[1], KINDS) is None


async def test_profiles_are_listed_without_credentials(vault: Vault, time: FakeTime) -> None:
    bob = await enrolled(vault, name="Bob", api_token="t0ken-of-bob", privileges=READ_ONLY)
    anna = await enrolled(vault, via="sign-in")
    made = time.clock.wall()
    token = await vault.new_static_token(anna.id)
    await time.clock.sleep(DAY)
    await vault.holder(token, KINDS)
    first, second = await vault.profiles()
    assert (first.id, first.name, first.account, first.via, first.made) == (anna.id, "Anna", ACME, "sign-in", made)
    assert (first.seen, first.dead, first.privileges) == (made + DAY, False, ALL_ALLOWED)
    assert (second.id, second.seen, second.privileges) == (bob.id, None, READ_ONLY)
    assert "t0ken" not in repr([first, second])


async def test_when_a_caller_was_seen_is_noted_once_an_hour(vault: Vault, time: FakeTime) -> None:
    token = await vault.new_static_token((await enrolled(vault)).id)
    seen = []
    for pause in (0.0, HOUR / 2, HOUR / 2):
        await time.clock.sleep(pause)
        await vault.holder(token, KINDS)
        seen.append((await vault.profiles())[0].seen)
    begun = time.clock.wall() - HOUR
    assert seen == [begun, begun, begun + HOUR]


async def test_a_store_that_only_reads_refuses_nobody(
    vault: Vault, values: StoredKeyValues, time: FakeTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await enrolled(vault)
    token = await vault.new_static_token(anna.id)

    async def refused(*given: Any, **how: Any) -> bool:
        raise NotRemembered("it only reads")

    monkeypatch.setattr(values, "put", refused)
    for reader in (vault, Vault(values, KeyRing([OLD_KEY, NEW_KEY]), time.clock.wall)):
        held = await reader.holder(token, KINDS)
        assert held is not None
        assert held[0] == anna


async def test_a_static_token_stands_for_its_caller_until_they_are_removed(
    vault: Vault, values: StoredKeyValues, time: FakeTime
) -> None:
    anna = await enrolled(vault)
    token = await vault.new_static_token(anna.id)
    kind, caller_id, secret = token.split("_", 2)
    assert (kind, caller_id, len(secret)) == ("cmk", anna.id, 43)
    await time.clock.sleep(400 * DAY)
    grant = await vault.grant(token, KINDS)
    assert grant is not None
    assert (grant.caller_id, grant.kind, grant.resource, grant.expires_at) == (anna.id, "static", None, None)
    assert await vault.remove(anna.id)
    assert [await vault.grant(token, KINDS), await vault.caller(anna.id)] == [None, None]
    assert not await vault.remove(anna.id)
    assert await values.keys("") == ["identity"]
    with pytest.raises(LookupError):
        await vault.new_static_token(anna.id)


@pytest.mark.parametrize("change", ["cmt", "caller", "cut", "empty", "hidden"])
async def test_another_text_stands_for_nobody(vault: Vault, change: str) -> None:
    anna = await enrolled(vault)
    token = await vault.new_static_token(anna.id)
    changed = {
        "cmt": token.replace("cmk", "cmt"),
        "caller": token.replace(anna.id, "0" * 16),
        "cut": token[:-1],
        "empty": "",
        "hidden": f"{token}\udce4",
    }
    assert await vault.grant(changed[change], KINDS) is None


async def test_a_dead_caller_has_no_tokens_and_gets_none_back(vault: Vault) -> None:
    anna = await enrolled(vault)
    token = await vault.new_static_token(anna.id)
    await vault.mark_dead(anna.id)
    assert [await vault.grant(token, KINDS), await vault.caller(anna.id)] == [None, None]
    assert [profile.dead for profile in await vault.profiles()] == [True]
    with pytest.raises(LookupError):
        await vault.new_static_token(anna.id)
    await enrolled(vault)
    assert await vault.caller(anna.id) is not None
    assert await vault.grant(token, KINDS) is None
    await vault.mark_dead("0" * 16)


async def test_tokens_end_with_their_time_and_with_their_family(vault: Vault, time: FakeTime) -> None:
    anna = await enrolled(vault)

    async def access(family: str) -> str:
        return await vault.issue(Grant(anna.id, "access", "host", family=family, privileges=READ_ONLY), HOUR)

    first, second = await access("1" * 16), await access("2" * 16)
    grant = await vault.grant(first, KINDS)
    assert grant is not None
    assert (grant.privileges, grant.expires_at) == (READ_ONLY, time.clock.wall() + HOUR)
    await vault.end_family("1" * 16)
    assert [await vault.grant(first, KINDS) is None, await vault.grant(second, KINDS) is None] == [True, False]
    await time.clock.sleep(HOUR)
    assert await vault.grant(second, KINDS) is None


async def test_new_keys_open_what_old_ones_sealed_and_seal_it_anew(values: StoredKeyValues, time: FakeTime) -> None:
    old, both, new = (
        Vault(values, KeyRing(keys), time.clock.wall) for keys in ([OLD_KEY], [NEW_KEY, OLD_KEY], [NEW_KEY])
    )
    anna = await enrolled(old)
    token = await old.new_static_token(anna.id)
    with pytest.raises(SettingsError, match="CLIENTARY_KEYS does not open what CLIENTARY_STORE holds"):
        await new.identity_key()
    assert await new.caller(anna.id) is None
    assert [profile.dead for profile in await new.profiles()] == [True]
    held = await both.holder(token, KINDS)
    assert held is not None
    assert held[0] == anna
    assert await new.holder(token, KINDS) == held
    assert (await enrolled(both)).id == anna.id


async def test_changes_of_one_profile_do_not_undo_each_other(vault: Vault) -> None:
    anna = await enrolled(vault)
    async with anyio.create_task_group() as group:
        group.start_soon(vault.limit, anna.id, READ_ONLY)
        group.start_soon(vault.mark_dead, anna.id)
    [profile] = await vault.profiles()
    assert (profile.privileges, profile.dead) == (READ_ONLY, True)


async def test_a_caller_who_is_removed_while_they_are_changed_stays_removed(vault: Vault) -> None:
    anna = await enrolled(vault)
    async with anyio.create_task_group() as group:
        group.start_soon(vault.limit, anna.id, READ_ONLY)
        group.start_soon(vault.remove, anna.id)
    assert await vault.profiles() == []


async def test_a_change_that_is_cancelled_holds_up_nobody(
    vault: Vault, values: InterleavedKeyValues, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await enrolled(vault)
    read = values.get
    with anyio.CancelScope() as change:

        async def cancelled(key: str) -> str | None:
            change.cancel()
            return await read(key)

        monkeypatch.setattr(values, "get", cancelled)
        await vault.limit(anna.id, READ_ONLY)
    assert change.cancelled_caught
    assert await values.keys("changing:") == []


async def test_a_removal_that_was_broken_off_can_be_done_again_and_leaves_nothing(
    vault: Vault, values: StoredKeyValues, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await enrolled(vault)
    await vault.new_static_token(anna.id)

    async def broken_off(prefix: str) -> list[str]:
        raise NotRemembered("the process was killed")

    with monkeypatch.context() as patch:
        patch.setattr(values, "keys", broken_off)
        with pytest.raises(NotRemembered):
            await vault.remove(anna.id)
    assert await vault.remove(anna.id)
    assert await values.keys("") == ["identity"]


async def test_what_a_later_version_adds_is_kept_and_harms_nobody(vault: Vault, values: StoredKeyValues) -> None:
    anna = await enrolled(vault)
    token = await vault.new_static_token(anna.id)
    for prefix in ("prof:", "tok:"):
        (key,) = await values.keys(prefix)
        await values.put(key, json.dumps(json.loads(await values.get(key) or "") | {"since_version": 2}))
    grant = await vault.grant(token, KINDS)
    assert grant is not None
    assert grant.caller_id == anna.id
    assert await vault.limit(anna.id, Privileges(read_only=True))
    assert json.loads(await values.get(f"prof:{anna.id}") or "")["since_version"] == 2
