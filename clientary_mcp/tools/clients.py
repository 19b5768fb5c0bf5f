"""Tools for clients."""

from collections.abc import AsyncIterator
from functools import partial

from clientary_mcp.api.concurrency import gather_two
from clientary_mcp.api.session import Clientary
from clientary_mcp.errors import ClientaryError, NotAllowed
from clientary_mcp.tools.decorators import creates, deletes, lists, reads, updates
from clientary_mcp.tools.support.last_invoices import last_invoices
from clientary_mcp.tools.support.listing import Listing, add_notice
from clientary_mcp.tools.support.previews import count_dependents, done, preview
from clientary_mcp.tools.support.rights import denied
from tool_schemas.base.results import Outcome, Page
from tool_schemas.base.sentences import Mention
from tool_schemas.clients import Client, CreateClient, DeleteClient, GetClient, ListClients, UpdateClient
from tool_schemas.contacts import Contact
from tool_schemas.estimates import Estimate
from tool_schemas.invoices import Invoice
from tool_schemas.projects import Project


class _Clients(Listing[Client]):
    """Clients, with the dates of their last invoices where these are asked for."""

    def __init__(self, clientary: Clientary, args: ListClients) -> None:
        sort = "date" if args.sort == "date" else None
        super().__init__(clientary, Client, args, query={"updated_since": args.updated_since, "sort": sort})
        self._quiet, self._full = args.order == "quiet", args.detail == "full"

    async def page(self) -> Page[Client]:
        """The clients from `offset` on."""
        page = await super().page()
        if self._full and not self._quiet:
            try:
                last = await last_invoices(self._clientary, [client.id for client in page.records])
            except NotAllowed:
                add_notice(page, denied("last_invoice_on"))
            except ClientaryError as failure:  # the clients themselves were read
                add_notice(page, f"last_invoice_on is missing: {failure.message(reading=True)}")
            else:
                for client in page.records:
                    client.last_invoice_on = last.get(client.id)
        return page

    async def _rows(self) -> AsyncIterator[tuple[Client, str | int | None]]:
        if not self._quiet:
            async for row in super()._rows():
                yield row
            return
        clients, last = await gather_two(
            partial(self._clientary.list_all, Client, query=self._query), partial(last_invoices, self._clientary)
        )
        for client in clients:
            client.last_invoice_on = last.get(client.id)
            yield client, None


@lists(
    "clients",
    mentions=(
        Mention("Their people are in list_client_contacts.", "list_client_contacts"),
        Mention("Prospects are in list_leads.", "list_leads"),
    ),
)
def list_clients(clientary: Clientary, args: ListClients) -> Listing[Client]:
    """List clients, archived ones included; full detail tells last_invoice_on."""
    return _Clients(clientary, args)


@reads(
    "clients",
    mentions=Mention("client_overview adds contacts, projects and what is owed.", "client_overview"),
)
async def get_client(clientary: Clientary, args: GetClient) -> Client:
    """Read one client: address, notes, status."""
    return await clientary.get(Client, f"clients/{args.client_id}")


@creates(
    "clients",
    checked_with="list_clients",
    mentions=(
        Mention("list_clients shows the existing ones.", "list_clients"),
        Mention("create_contact adds its people.", "create_contact"),
    ),
)
async def create_client(clientary: Clientary, args: CreateClient) -> Client:
    """Add a client. Names need not be unique."""
    return await clientary.create(Client, "clients", args.body())


@updates("clients", checked_with="get_client")
async def update_client(clientary: Clientary, args: UpdateClient) -> Client:
    """Change the given fields of a client. status=archived retires it, reversibly."""
    return await clientary.update(Client, f"clients/{args.client_id}", args.body())


async def _preview_delete_client(clientary: Clientary, args: DeleteClient) -> Outcome:
    path = f"clients/{args.client_id}"
    client = await clientary.get(Client, path)
    return preview(
        f"delete client {client.id} for good, with all its projects, invoices, estimates and contacts",
        client,
        goes_with_it=await count_dependents(
            clientary,
            {
                "projects": (Project, f"{path}/projects"),
                "invoices": (Invoice, f"{path}/invoices"),
                "estimates": (Estimate, f"{path}/estimates"),
                "contacts": (Contact, f"{path}/contacts"),
            },
        ),
        not_visible=(
            "Payments are deleted with the invoices; tasks, hours, comments and notes with the projects. Clientary does"
            " not document what happens to expenses, stored cards and recurring schedules."
        ),
        alternative=Mention(
            f"update_client with client_id={client.id}, status=archived hides it and keeps everything.", "update_client"
        ),
    )


@deletes(
    "clients",
    _preview_delete_client,
    checked_with="get_client",
    mentions=Mention("update_client with status=archived hides it instead and keeps everything.", "update_client"),
)
async def delete_client(clientary: Clientary, args: DeleteClient) -> Outcome:
    """Delete a client for good, with all its projects, invoices, estimates and contacts."""
    await clientary.delete(f"clients/{args.client_id}")
    return done(f"Client {args.client_id} is deleted, with its projects, invoices, estimates and contacts.")


TOOLS = (list_clients, get_client, create_client, update_client, delete_client)
