"""The agency's money: invoices and their payments, estimates, payment profiles and recurring schedules."""

import hashlib
from collections import defaultdict
from datetime import date, timedelta

from clientary_mcp.sandbox.api.writes import DRAFT, PAID, SENT, secret
from clientary_mcp.sandbox.seed.entries import Books, Entry
from clientary_mcp.sandbox.seed.names import GOODS, PAID_BY, SERVICES
from clientary_mcp.sandbox.store import money
from clientary_mcp.sandbox.store.documents import LINES, SECTION_HEADER

VIEWED, CANCELLED, PENDING = 2, 3, 5
LARGE_CLIENTS = (46, 41, 37, 33)
"""Invoices of the clients that have more than a page of them."""
INVOICES, WITHOUT_INVOICE = 412, 9
STATUSES = {PAID: 262, SENT: 70, VIEWED: 36, DRAFT: 20, CANCELLED: 13, PENDING: 11}
AGES = {
    PAID: (40, 900),
    SENT: (0, 120),
    VIEWED: (0, 150),
    DRAFT: (0, 18),
    CANCELLED: (0, 900),
    PENDING: (0, 16),
}
"""How many days ago an invoice of each status was written, so that old ones are mostly paid."""
PAID_IN_TWO, PARTLY_PAID = 60, 34
ESTIMATES = {0: 9, 1: 14, 2: 9, 3: 4, 4: 9, 5: 6, 6: 17, 7: 6}
ESTIMATES_OF_LEADS = 12
TAXES: dict[str, tuple[Entry, ...]] = {
    "USD": (
        {},
        {},
        {"tax": 8250, "tax_label": "Sales Tax"},
        {"tax": 5000, "tax_label": "GST", "tax2": 9975, "tax2_label": "QST", "compound_tax": True},
        {
            "tax": 6000,
            "tax_label": "State",
            "tax2": 1500,
            "tax2_label": "County",
            "tax3": 750,
            "tax3_label": "City",
        },
    ),
    "EUR": (
        {"tax": 19000, "tax_label": "VAT"},
        {"tax": 20000, "tax_label": "TVA"},
        {"tax": 19000, "tax_label": "VAT", "tax2": 2000, "tax2_label": "Artists' levy"},
    ),
    "GBP": ({"tax": 20000, "tax_label": "VAT"},),
}
SCHEDULES = (
    # action, status, interval, occurrences left (None: unlimited)
    (0, 0, 5, None),
    (0, 0, 7, 4),
    (0, 1, 5, 10),
    (0, 2, 9, 0),
    (1, 0, 5, None),
    (1, 0, 3, 12),
    (1, 1, 8, None),
    (1, 2, 1, 0),
    (1, 0, 11, 3),
    (2, 0, 5, None),
    (2, 0, 2, 20),
    (2, 1, 4, None),
    (2, 2, 6, 0),
    (0, 0, 10, None),
)
PROFILES_OF_CLIENTS = (2, 1, 1, 2, 1, 1)


def make_profiles(books: Books) -> None:
    """Cards on file of a handful of clients."""
    clients = books.dice.sample([client for client in books.rows["clients"] if client["status"] == 1], 6)
    for client, count in zip(clients, PROFILES_OF_CLIENTS, strict=True):
        for _ in range(count):
            given, family = books.person()
            books.dated(
                "payment_profiles",
                books.ago(300, 30),
                client_id=client["id"],
                stripe_customer_id=f"cus_{_token(books)[:14]}",
                stripe_source_id=f"card_{_token(books)[:24]}",
                last_four_digits=books.dice.choice(("4242", "4444", "0005", "8210")),
                name=f"{given} {family}",
                expiration_date=(books.today + timedelta(days=books.dice.randint(60, 1200))).isoformat(),
                card_type=books.dice.choice(("Visa", "MasterCard", "American Express")),
                city=client["city"],
                country=client["country"],
            )


def _token(books: Books) -> str:
    return hashlib.sha256(str(books.dice.random()).encode()).hexdigest()


def make_schedules(books: Books) -> None:
    """Recurring schedules of every action and status; only those that autobill have a card."""
    profiles = books.rows["payment_profiles"]
    clients = {client["id"]: client for client in books.rows["clients"]}
    active = [client for client in books.rows["clients"] if client["status"] == 1]
    for index, (action, status, interval, left) in enumerate(SCHEDULES):
        profile = profiles[index % len(profiles)] if action == 2 else None
        client = clients[profile["client_id"]] if profile else active[index * 3]
        title, price = GOODS[index % len(GOODS)]
        schedule = books.dated(
            "recurring_schedules",
            books.ago(700, 200),
            books.ago(190),
            client_id=client["id"],
            next_date=(books.today + timedelta(days=books.dice.randint(1, 45))).isoformat(),
            time_interval=interval,
            currency_code=client["currency_code"],
            due_period=books.dice.choice((7, 10, 14, 30)),
            number=str(1_000_001 + index),
            title=title.split(",")[0],
            status=status,
            action=action,
            payment_profile_id=profile["id"] if profile else None,
            unlimited=left is None,
            occurrences_remaining=left,
            **_taxes_of(books, client["currency_code"]),
        )
        quantity = 100 * books.dice.randint(1, 3)
        lines = [_line(title, quantity, price, taxable=bool(schedule["tax"]), item_type=1)]
        if books.chance(0.4):
            lines.append(_line(*_piece(books), taxable=False, item_type=1))
        _add_lines(books, "recurring_schedules", schedule, lines)


def make_invoices(books: Books) -> None:
    """Invoices by date, each with the status that its age makes likely, and the payments that it implies."""
    owners = _owners(books)
    keys = [(books.dice.randint(*AGES[status]), status) for status, n in STATUSES.items() for _ in range(n)]
    projects = defaultdict(list)
    for project in books.rows["projects"]:
        projects[project["client_id"]].append(project["id"])
    schedules = {schedule["client_id"]: schedule["id"] for schedule in books.rows["recurring_schedules"]}
    invoices = []
    taxes = {client["id"]: _taxes_of(books, client["currency_code"]) for client in owners}
    for number, ((age, status), client) in enumerate(zip(sorted(keys, reverse=True), owners, strict=True)):
        schedule = schedules.get(client["id"]) if books.chance(0.3) else None
        own = projects[client["id"]]
        links = {
            "recurring_schedule_id": schedule,
            "project_id": books.dice.choice(own) if own and not schedule and books.chance(0.7) else None,
        }
        day = books.today - timedelta(days=age)
        invoices.append(_make_invoice(books, 1001 + number, client, day, status, links | taxes[client["id"]]))
    _make_payments(books, invoices)


def _owners(books: Books) -> list[Entry]:
    """The client of each invoice, in no order."""
    clients = books.dice.sample(books.rows["clients"], len(books.rows["clients"]) - WITHOUT_INVOICE)
    rest = len(clients) - len(LARGE_CLIENTS)
    weights = [books.dice.uniform(0.3, 2) for _ in range(rest)]
    counts = [*LARGE_CLIENTS, *books.shares(INVOICES - sum(LARGE_CLIENTS), weights, least=1)]
    owners = [client for client, count in zip(clients, counts, strict=True) for _ in range(count)]
    books.dice.shuffle(owners)
    return owners


def _make_invoice(books: Books, number: int, client: Entry, day: date, status: int, more: Entry) -> Entry:
    invoice = books.dated(
        "invoices",
        day,
        number=str(number),
        date=day.isoformat(),
        due_date=(day + timedelta(days=books.dice.choice((14, 30, 30, 45)))).isoformat(),
        currency_code=client["currency_code"],
        title=books.dice.choice(("", "", "Services rendered", "Monthly services", "Final invoice")),
        note="Thank you for your business" if books.chance(0.3) else "",
        po=f"PO-{books.dice.randint(1000, 9999)}" if books.chance(0.2) else "",
        client_id=client["id"],
        secret=secret("invoices", str(number)),
        user_id=books.dice.choice((1, 1, 7)),
        status=status,
        **more,
    )
    _add_lines(books, "invoices", invoice, _lines(books, taxed=bool(invoice["tax"])))
    invoice["balance"] = invoice["total_cost"]
    return invoice


def _make_payments(books: Books, invoices: list[Entry]) -> None:
    paid = [invoice for invoice in invoices if invoice["status"] == PAID]
    waiting = [invoice for invoice in invoices if invoice["status"] in {SENT, VIEWED}]
    in_two = {invoice["id"] for invoice in books.dice.sample(paid, PAID_IN_TWO)}
    partly = {invoice["id"] for invoice in books.dice.sample(waiting, PARTLY_PAID)}
    plans: list[tuple[date, Entry, int]] = []
    for invoice in [*paid, *waiting]:
        total, day = invoice["total_cost"], date.fromisoformat(invoice["date"])
        part = total * books.dice.randint(20, 70) // 100
        first = books.between(day, min(books.today, day + timedelta(days=40)))
        if invoice["id"] in in_two:
            second = books.between(first, min(books.today, first + timedelta(days=30)))
            plans += [(first, invoice, part), (second, invoice, total - part)]
        elif invoice["id"] in partly:
            plans.append((first, invoice, part))
        elif invoice["status"] == PAID:
            plans.append((first, invoice, total))
    for day, invoice, amount in sorted(plans, key=lambda plan: (plan[0], plan[1]["id"])):
        _make_payment(books, day, invoice, amount)


def _make_payment(books: Books, day: date, invoice: Entry, amount: int) -> None:
    has_card = any(profile["client_id"] == invoice["client_id"] for profile in books.rows["payment_profiles"])
    charged = has_card and books.chance(0.6)
    payment = books.dated(
        "payments",
        day,
        invoice_id=invoice["id"],
        amount=amount,
        note="" if charged else books.dice.choice(PAID_BY),
        received_on=day.isoformat(),
        transaction_fee_amount=money.rounded(amount * 29, 1000) + 30 if charged else 0,
        transaction_id=f"ch_{_token(books)[:24]}" if charged else None,
    )
    invoice["total_payments"] += amount
    invoice["balance"] -= amount
    # On the invoice's own day it may have been paid earlier in the morning than written.
    payment["created_at"] = payment["updated_at"] = max(payment["created_at"], invoice["updated_at"])
    invoice["updated_at"] = payment["updated_at"]
    if not invoice["balance"]:
        invoice["paid_date"] = day.isoformat()


def make_estimates(books: Books) -> None:
    """Estimates in every status, a few of them for leads."""
    statuses = [status for status, count in ESTIMATES.items() for _ in range(count)]
    books.dice.shuffle(statuses)
    leads = set(books.dice.sample(range(len(statuses)), ESTIMATES_OF_LEADS))
    days = sorted(books.ago(700) for _ in statuses)
    for index, (status, day) in enumerate(zip(statuses, days, strict=True)):
        of_lead = index in leads
        party = books.dice.choice(books.rows["leads" if of_lead else "clients"])
        own = [] if of_lead else [p["id"] for p in books.rows["projects"] if p["client_id"] == party["id"]]
        estimate = books.dated(
            "estimates",
            day,
            books.between(day, min(books.today, day + timedelta(days=30))),
            number=str(501 + index),
            date=day.isoformat(),
            currency_code=party["currency_code"],
            title=books.dice.choice(("", "Proposal", "Website proposal", "Second phase")),
            note="Valid for 30 days" if books.chance(0.5) else "",
            client_id=None if of_lead else party["id"],
            lead_id=party["id"] if of_lead else None,
            project_id=books.dice.choice(own) if own and books.chance(0.6) else None,
            secret=secret("estimates", str(501 + index)),
            status=status,
            **_taxes_of(books, party["currency_code"]),
        )
        if estimate["note"]:
            estimate["expiration_date"] = (day + timedelta(days=30)).isoformat()
        _add_lines(books, "estimates", estimate, _lines(books, taxed=bool(estimate["tax"])))


def _taxes_of(books: Books, currency: str) -> Entry:
    return books.dice.choice(TAXES[currency])


def _piece(books: Books) -> tuple[str, int, int]:
    title, price = books.dice.choice(GOODS)
    return title, 100 * books.dice.randint(1, 4), price


def _line(title: str, quantity: int, price: int, *, taxable: bool, item_type: int = 3) -> Entry:
    return {"title": title, "quantity": quantity, "price": price, "taxable": taxable, "item_type": item_type}


def _lines(books: Books, *, taxed: bool) -> list[Entry]:
    lines: list[Entry] = []
    if books.chance(0.08):
        lines.append(_line("Phase one", 0, 0, taxable=False, item_type=SECTION_HEADER))
    for title, price in books.dice.sample(SERVICES, books.dice.randint(1, 3)):
        quantity = 25 * books.dice.randint(8, 160)
        lines.append(_line(title, quantity, price, taxable=taxed and books.chance(0.95)))
    if books.chance(0.4):
        lines.append(_line(*_piece(books), taxable=taxed and books.chance(0.6)))
    if books.chance(0.07):
        discount = books.dice.choice((2500, 5000, 7500))
        lines.append(_line("Discount", 100, -discount, taxable=taxed))
    return lines


def _add_lines(books: Books, table: str, document: Entry, lines: list[Entry]) -> None:
    for line in lines:
        books.add(LINES[table].table, **{LINES[table].parent: document["id"]}, **line)
    add_up(document, lines)


def add_up(document: Entry, lines: list[Entry]) -> None:
    """Give a document the totals of its lines."""
    sums = money.totals(
        (money.Line(line["quantity"], line["price"], line["taxable"], line["item_type"]) for line in lines),
        money.Taxes(document["tax"], document["tax2"], document["tax3"], document["compound_tax"]),
    )
    document |= {name: getattr(sums, name) for name in sums.__slots__}
