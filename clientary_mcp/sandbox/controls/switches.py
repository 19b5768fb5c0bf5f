"""The open questions about the API, one switch each.

Every default is the most credible answer; tests turn a switch to see that a client copes with another one.
"""

from dataclasses import dataclass
from typing import Literal

Routes = Literal["plural", "singular", "both"]


@dataclass(frozen=True, slots=True)
class Switches:
    """How this account answers where the documentation is silent or contradicts itself."""

    put_reply: Literal["record", "empty_204", "empty_200"] = "empty_204"
    """What a successful PUT answers: the record with 200, or nothing."""

    delete_reply: Literal["empty_204", "empty_200"] = "empty_204"
    """What a successful DELETE answers."""

    dates: Literal["slash", "iso"] = "slash"
    """`slash` writes 2011/07/29 in the fields whose samples do; `iso` writes 2011-07-29 in all."""

    money_as_text: bool = False
    """Prices and amounts come as numeric strings, as live ones did at times."""

    honour_page_size: bool = False
    """Whether lists other than contacts honour `page_size`; contacts always do."""

    honour_filter: bool = True
    """False: lists of projects and hours disregard `filter=` and hold every record."""

    date_header: bool = True
    """Whether answers carry a Date header, by which a client knows this account's clock."""

    task_routes: Routes = "both"
    """Where tasks are created: POST tasks, POST task, or either."""

    invoice_update_routes: Routes = "both"
    """Where invoices are updated: PUT invoices/:id, PUT invoice/:id, or either."""

    error_body: Literal["fields", "errors", "error_text", "array", "text", "html", "empty"] = "fields"
    """The form of a refusal's body; `fields` is a hash of field to messages."""

    predicate_keys: Literal["documented", "question", "plain"] = "documented"
    """Whether yes/no keys end in a question mark: as in the samples (`billed?`, recurring `taxable?`, other
    items' `taxable`), everywhere, or nowhere."""

    task_completion_key: Literal["both", "complete", "completed"] = "both"
    """Which key completes a task on PUT."""

    billed_key: Literal["billed", "billed?"] | None = "billed"
    """Which key changes an hour entry's billed flag on PUT; None: it cannot be changed."""

    page_keys: bool = True
    """False: no list carries page keys, and each comes whole."""

    bare_arrays: bool = False
    """Lists are arrays without an envelope, and come whole, as in version 1 of the API."""

    extra_keys: bool = True
    """Records carry the keys that live replies have beyond the samples; False: the samples' keys alone."""

    status_as_text: bool = False
    """Clients and leads return their status as "Active" or "Archived" instead of 1 or 2."""

    nulls: bool = False
    """Optional text that is empty comes as null; otherwise as "" unless the sample shows null."""

    nested_client_in_projects: bool = True
    """Projects carry their client as an object; False: its `client_id`."""

    recipients_form: Literal["any", "array", "text"] = "any"
    """What a message takes as recipients: an array of addresses, comma-separated text, or either."""

    plan_limit: frozenset[str] = frozenset()
    """Resources (as named in their lists) that the plan has no more room for: POST answers 426."""

    unique_contact_emails: bool = False
    """No two contacts have the same e-mail address, those of leads included: POST and PUT answer 422."""

    without_stripe: bool = False
    """The account has no Stripe integration, so payment profiles cannot be created."""

    allow_hours: bool = True
    """False: the token's owner may not see hours, and they answer 403."""
