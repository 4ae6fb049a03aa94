"""Who may use the proxy, and whose key the provider gets."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from console.accounts.models import ApiKey
from conversations.models import Connection
from tests.factories import make_connection, make_project
from tests.providers.upstream import Upstream, answer
from tests.proxy.asking import BODY, PROVIDER_KEY, Owner, client, connect, in_thread
from tests.proxy.conftest import Web
from tests.proxy.test_passing import CHAT, WHOLE


async def post(web: Web, path: str = CHAT, **headers: str) -> Any:
    async with client(web) as http:
        return await http.post(
            path, json=BODY, headers={k.replace("_", "-"): headers[k] for k in headers}
        )


def revoke(owner: Owner) -> None:
    ApiKey.objects.filter(project=owner.project).update(revoked_at=timezone.now())


async def test_without_a_project_key_nothing_passes(web: Web, owner: Owner) -> None:
    async with Upstream(answer(200, WHOLE)) as upstream:
        await connect(owner, upstream.url)
        none = await post(web)
        provider_only = await post(web, Authorization=f"Bearer {PROVIDER_KEY}")
        made_up = await post(web, X_Misfire_Key="mf_made_up")
    for refused in (none, provider_only, made_up):
        assert refused.status_code == 401
        assert refused.json()["error"]["code"].startswith("project_key")
        assert refused.headers["x-misfire-error"].startswith("project_key")
    assert not upstream.requests


async def test_a_key_needs_the_scope_ingest(web: Web, transactional_db: None) -> None:
    reader = await in_thread(Owner.make, ("read", "replay", "admin"))
    async with Upstream(answer(200, WHOLE)) as upstream:
        await connect(reader, upstream.url)
        refused = await post(web, X_Misfire_Key=reader.key)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "scope_missing")
    assert not upstream.requests


async def test_a_revoked_key_is_refused(web: Web, owner: Owner) -> None:
    async with Upstream(answer(200, WHOLE)) as upstream:
        await connect(owner, upstream.url)
        await in_thread(revoke, owner)
        refused = await post(web, X_Misfire_Key=owner.key)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "project_key_unknown")
    assert not upstream.requests


async def test_a_key_that_is_revoked_later_is_refused_within_seconds(
    web: Web, owner: Owner
) -> None:
    import asyncio

    async with Upstream(answer(200, WHOLE)) as upstream:
        await connect(owner, upstream.url)
        assert (await post(web, X_Misfire_Key=owner.key)).status_code == 200
        await in_thread(revoke, owner)
        await asyncio.sleep(5.5)
        assert (await post(web, X_Misfire_Key=owner.key)).status_code == 401


async def test_another_projects_connection_does_not_exist(web: Web, owner: Owner) -> None:
    async with Upstream(answer(200, WHOLE)) as upstream:
        other = await in_thread(make_project)
        theirs: Connection = await in_thread(
            make_connection, other, name="theirs", base_url=upstream.url
        )
        for name in ("theirs", str(theirs.pk), "nothing"):
            refused = await post(web, f"/proxy/{name}/v1/chat/completions", X_Misfire_Key=owner.key)
            assert refused.status_code == 404
            assert refused.json()["error"]["code"] == "connection_unknown"
    assert not upstream.requests


async def test_an_archived_connection_does_not_exist(web: Web, owner: Owner) -> None:
    await connect(owner, "http://127.0.0.1:9/v1", archived_at=timezone.now())
    assert (await post(web, X_Misfire_Key=owner.key)).status_code == 404


async def test_a_connection_is_found_by_name_and_by_id(web: Web, owner: Owner) -> None:
    async with Upstream(answer(200, WHOLE)) as upstream:
        connection = await connect(owner, upstream.url, name="My models/é")
        for name in ("My%20models%2F%C3%A9", str(connection.pk)):
            path = f"/proxy/{name}/v1/chat/completions"
            assert (await post(web, path, X_Misfire_Key=owner.key)).status_code == 200


@pytest.mark.parametrize("place", ["header", "path", "bearer", "x-api-key"])
async def test_the_project_key_may_stand_in_four_places(place: str, web: Web, owner: Owner) -> None:
    path = CHAT.replace("/proxy/", f"/proxy/k/{owner.key}/") if place == "path" else CHAT
    headers = {
        "header": {"X_Misfire_Key": owner.key},
        "path": {},
        "bearer": {"Authorization": f"Bearer {owner.key}"},
        "x-api-key": {"X_Api_Key": owner.key},
    }[place]
    async with Upstream(answer(200, WHOLE)) as upstream:
        await connect(owner, upstream.url, key_variable="LENT_API_KEY")
        response = await post(web, path, **headers)
    assert response.status_code == 200
    [request] = upstream.requests
    assert request.headers["authorization"] == "bearer sk-lent-by-the-console"
    assert owner.key.lower() not in str((request.path, request.headers)).lower()


async def test_the_clients_own_provider_key_goes_first(web: Web, owner: Owner) -> None:
    async with Upstream(answer(200, WHOLE)) as upstream:
        await connect(owner, upstream.url, key_variable="LENT_API_KEY")
        await post(web, X_Misfire_Key=owner.key, Authorization=f"Bearer {PROVIDER_KEY}")
    assert upstream.requests[0].headers["authorization"] == f"bearer {PROVIDER_KEY}"


async def test_the_consoles_key_serves_calls_of_models_only(web: Web, owner: Owner) -> None:
    async with Upstream(answer(200, WHOLE)) as upstream:
        await connect(owner, upstream.url, key_variable="LENT_API_KEY")
        refused = await post(web, "/proxy/up/v1/files", X_Misfire_Key=owner.key)
        own = {"X_Misfire_Key": owner.key, "Authorization": f"Bearer {PROVIDER_KEY}"}
        passed = await post(web, "/proxy/up/v1/files", **own)
    assert refused.json()["error"]["code"] == "provider_key_missing"
    assert passed.status_code == 200
    assert len(upstream.requests) == 1


async def test_a_key_that_is_not_in_the_environment_is_said(web: Web, owner: Owner) -> None:
    await connect(owner, "http://127.0.0.1:9/v1", key_variable="UNSET_API_KEY")
    refused = await post(web, X_Misfire_Key=owner.key)
    assert refused.status_code == 401
    assert "UNSET_API_KEY" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    "path",
    [
        "/proxy/",
        "/proxy/up",
        "/proxy/up/v1",
        "/proxy/up/chat/completions",
        "/proxy/up/v1/a/%2e%2e/b",
    ],
)
async def test_an_address_of_another_form_is_explained(path: str, web: Web, owner: Owner) -> None:
    refused = await post(web, path, X_Misfire_Key=owner.key)
    assert refused.status_code == 404
    assert refused.json()["error"]["code"] == "bad_address"


async def test_private_addresses_stay_out_of_reach(web: Web, owner: Owner) -> None:
    await connect(owner, "http://10.1.2.3/v1")
    refused = await post(web, X_Misfire_Key=owner.key)
    assert (refused.status_code, refused.json()["error"]["code"]) == (502, "blocked_address")
