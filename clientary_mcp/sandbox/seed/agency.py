"""The default account: a small agency, its people, clients and leads, and what they owe each other.

Figures that people compare (so many clients, invoices, hours) are fixed; the rest follows from seed and day.
"""

import json
from datetime import timedelta

from clientary_mcp.sandbox.seed.billing import make_estimates, make_invoices, make_profiles, make_schedules
from clientary_mcp.sandbox.seed.entries import Books, Entry
from clientary_mcp.sandbox.seed.names import COMPANY, JOBS, PHONES, PLACES, STREETS, TEAM, TRADE
from clientary_mcp.sandbox.seed.special_cases import make_special_cases
from clientary_mcp.sandbox.seed.work import make_expenses, make_hours, make_projects, make_tasks
from clientary_mcp.sandbox.store.tables import Store

CLIENTS, ARCHIVED, LEADS, CONTACTS, CONTACTS_OF_LEADS = 64, 6, 22, 118, 8


def hire(store: Store) -> None:
    """Staff an empty account with the owner of its token."""
    books = Books(store.today, 0)
    _make_staff(books, 1)
    books.write(store)


def fill(store: Store, seed: int) -> None:
    """Write the whole agency into an empty account."""
    books = Books(store.today, seed)
    _make_staff(books, len(TEAM))
    names = _company_names(books, CLIENTS + LEADS)
    _make_clients(books, names[:CLIENTS])
    _make_leads(books, names[CLIENTS:])
    _make_contacts(books)
    make_projects(books)
    make_hours(books)
    make_tasks(books)
    make_profiles(books)
    make_schedules(books)
    make_invoices(books)
    make_estimates(books)
    make_expenses(books)
    make_special_cases(books)
    books.write(store)


def _make_staff(books: Books, count: int) -> None:
    for number, (title, rate) in enumerate(TEAM[:count]):
        given, family = books.person()
        books.dated(
            "staff",
            books.today - timedelta(days=1400 - 120 * number),
            name=f"{given} {family}",
            title=title,
            email=f"{given}.{family}@agency.example.com".lower(),
            phone=PHONES["US"].format(10 + number),
            ext=str(101 + number),
            mobile=PHONES["US"].format(60 + number),
            hourly_rate=rate,
        )


def _company_names(books: Books, count: int) -> list[str]:
    names = [f"{word} {trade}" for word in COMPANY for trade in books.dice.sample(TRADE, 2)]
    books.dice.shuffle(names)
    return names[:count]


def _party(books: Books, number: int, name: str, prefix: str, currency: str) -> Entry:
    city, state, country = books.dice.choice(PLACES[currency])
    slug = name.lower().replace(" ", "-")
    return {
        "number": f"{prefix}-{number:03d}" if books.chance(0.9) else "",
        "name": name,
        "address": f"{books.dice.randint(1, 180)} {books.dice.choice(STREETS)}",
        "address_2": f"Suite {books.dice.randint(2, 40)}" if books.chance(0.25) else "",
        "city": city,
        "state": state,
        "zip": f"{books.dice.randint(10000, 97999)}",
        "country": country,
        "website": f"https://{slug}.example.com" if books.chance(0.8) else "",
        "description": f"{name.split(' ', 1)[1]} in {city}" if books.chance(0.4) else "",
        "currency_code": currency,
    }


def _make_clients(books: Books, names: list[str]) -> None:
    archived = set(books.dice.sample(range(CLIENTS), ARCHIVED))
    days = sorted((books.dice.randint(200, 1300) for _ in names), reverse=True)
    for number, (name, days_ago) in enumerate(zip(names, days, strict=True)):
        currency = books.dice.choices(("USD", "EUR", "GBP"), (60, 22, 18))[0]
        books.dated(
            "clients",
            books.today - timedelta(days=days_ago),
            books.ago(400),
            **_party(books, 101 + number, name, "C", currency),
            status=2 if number in archived else 1,
            invoice_extra_fields=json.dumps({"VAT ID": f"XX{books.dice.randrange(10**9):09d}"})
            if currency != "USD" and books.chance(0.5)
            else None,
            was_lead=books.chance(0.3),
        )


def _make_leads(books: Books, names: list[str]) -> None:
    days = sorted((books.dice.randint(1, 260) for _ in names), reverse=True)
    for number, (name, days_ago) in enumerate(zip(names, days, strict=True)):
        currency = books.dice.choices(("USD", "EUR", "GBP"), (60, 22, 18))[0]
        created = books.today - timedelta(days=days_ago)
        party = _party(books, 1 + number, name, "L", currency)
        books.dated("leads", created, books.between(created, books.today), **party)


def _make_contacts(books: Books) -> None:
    clients, leads = books.rows["clients"], books.rows["leads"]
    of_clients = CONTACTS - CONTACTS_OF_LEADS
    companies = [*clients, *books.dice.choices(clients, k=of_clients - len(clients))]
    for company in [*companies, *books.dice.sample(leads, CONTACTS_OF_LEADS)]:
        given, family = books.person()
        slug = company["name"].lower().replace(" ", "-")
        host = books.dice.choice(("example.com", "example.org", "example.net"))
        phone = PHONES[company["country"]]
        created = company["created_at"][:10]
        books.dated(
            "contacts",
            books.between(books.today.fromisoformat(created), books.today),
            client_id=None if company in leads else company["id"],
            lead_id=company["id"] if company in leads else None,
            name=f"{given} {family}",
            email=f"{given}.{family}@{slug}.{host}".lower(),
            title=books.dice.choice(JOBS) if books.chance(0.85) else "",
            phone=phone.format(books.dice.randrange(100)) if books.chance(0.85) else "",
            ext=str(books.dice.randint(10, 99)) if books.chance(0.2) else "",
            mobile=phone.format(books.dice.randrange(100)) if books.chance(0.4) else "",
        )
