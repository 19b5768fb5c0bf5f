"""The agency's work: projects, the hours and tasks on them, and expenses."""

from datetime import date, timedelta

from clientary_mcp.sandbox.api.lists import fiscal_year
from clientary_mcp.sandbox.seed.entries import Books, Entry
from clientary_mcp.sandbox.seed.names import PROJECTS, SPENDING, TODO, WORK
from clientary_mcp.sandbox.store import money

COMPLETED, BILLABLE, ACTIVE = 36, 12, 29
INTERNAL = 2
HOURS_LEAST, HOURS_SPREAD = 3850, 100
TASKS, LOOSE_TASKS = 187, 17
EXPENSES_THIS_YEAR, EXPENSES_BEFORE = 143, 40

HOURLY, FIXED = 0, 2
LOOKALIKE = "Website Redesign"
"""Two projects of one client are called nearly the same; the older one is completed."""


def make_projects(books: Books) -> None:
    """Projects without their budgets, which `make_hours` sets from what was worked."""
    current = [client for client in books.rows["clients"] if client["status"] == 1]
    clients = books.dice.sample(current, 48)
    statuses = [2] * COMPLETED + [4] * BILLABLE + [1] * ACTIVE
    order = sorted((_start(books, status), status) for status in statuses)
    twins = [next(i for i, (_, status) in enumerate(order) if status == 2)]
    twins.append(next(i for i in range(len(order) - 1, 0, -1) if order[i][1] == 1))
    internal = [i for i, (_, status) in enumerate(order) if status == 1 and i not in twins][:INTERNAL]
    for index, (start, status) in enumerate(order):
        client = clients[index % len(clients)]
        word = client["name"].split()[0]
        name = f"{word} {books.dice.choice(PROJECTS)}"
        if index in twins:
            client = clients[0]
            suffix = "" if index == twins[0] else " II"
            name = f"{client['name'].split()[0]} {LOOKALIKE}{suffix}"
        elif index in internal:
            name = ("Agency Website", "Sales Materials")[internal.index(index)]
        _make_project(books, index, name, None if index in internal else client, start, status)


def _start(books: Books, status: int) -> date:
    return books.ago(760, 240) if status == 2 else books.ago(230, 12)


def _make_project(books: Books, index: int, name: str, client: Entry | None, start: date, status: int) -> None:
    fixed = client is not None and books.chance(0.35)
    length = timedelta(days=books.dice.randint(60, 210))
    end = start + length
    if status == 2:
        end = min(end, books.today - timedelta(days=20))
    books.dated(
        "projects",
        start,
        end if status == 2 else books.between(start, books.today),
        number=f"P{101 + index}" if books.chance(0.85) else "",
        name=name,
        client_id=client["id"] if client else None,
        description=f"{name.split(' ', 1)[1]}, agreed in writing" if books.chance(0.5) else "",
        project_type=FIXED if fixed else HOURLY,
        rate=0 if fixed else books.dice.choice((8500, 9500, 10000, 11000, 12500, 13250, 15000)),
        status=status,
        currency_code=client["currency_code"] if client else "USD",
        start_date=start.isoformat(),
        end_date=end.isoformat() if status == 2 or books.chance(0.7) else None,
    )


def make_hours(books: Books) -> None:
    """Hours on every project, then the budgets and fixed prices that such hours would have had."""
    projects = books.rows["projects"]
    total = HOURS_LEAST + books.dice.randint(0, HOURS_SPREAD)
    weights = [books.dice.gammavariate(2, 1) for _ in projects]
    for project, count in zip(projects, books.shares(total, weights, least=4), strict=True):
        entries = _make_hours_of(books, project, count)
        worked, cost = (sum(entry[name] for entry in entries) for name in ("hours", "cost"))
        expected = books.dice.uniform(0.85, 2.2) if project["status"] == 1 else books.dice.uniform(0.8, 1.3)
        if project["project_type"] == FIXED:
            project["rate"] = _round_up(cost * expected, 50_000)
        kind = books.dice.choices(("hours", "money", "none"), (40, 36, 24))[0]
        if kind == "hours":
            project |= {"budget_type": 0, "budget": _round_up(worked * expected, 500)}
        elif kind == "money":
            fixed = project["rate"] if project["project_type"] == FIXED else None
            project |= {"budget_type": 1, "budget": fixed or _round_up(cost * expected, 50_000)}


def _round_up(amount: float, step: int) -> int:
    return (int(amount) // step + 1) * step


def _make_hours_of(books: Books, project: Entry, count: int) -> list[Entry]:
    start = date.fromisoformat(project["start_date"])
    end = date.fromisoformat(project["end_date"]) if project["status"] == 2 else books.today
    billed_until = end if project["status"] == 2 else books.today.replace(day=1) - timedelta(days=1)
    team = books.dice.sample(books.rows["staff"], books.dice.randint(2, 4))
    entries = []
    for day in sorted(books.workday(start, end) for _ in range(count)):
        person = books.dice.choice(team)
        rate = person["hourly_rate"] if project["project_type"] == FIXED else project["rate"]
        if books.chance(0.04):
            rate += books.dice.choice((-2000, -1000, 1500, 2500))
        hours = 25 * books.dice.choices(range(1, 33), _DAY)[0]
        billed = day <= billed_until and books.chance(0.96 if project["status"] == 2 else 0.8)
        entries.append(
            books.dated(
                "hours",
                day,
                project_id=project["id"],
                user_id=person["id"],
                title=books.dice.choice(WORK),
                hours=hours,
                date=day.isoformat(),
                description="As discussed on the phone" if books.chance(0.1) else "",
                rate=rate,
                cost=money.cost(hours, rate),
                billed=billed and project["client_id"] is not None,
            )
        )
    return entries


# Most entries are an hour or two, some a whole day; in quarters of an hour from one to thirty-two.
_DAY = [6, 9, 7, 12, 6, 9, 5, 11, 4, 6, 3, 8, 3, 4, 2, 6, 2, 2, 2, 3, 1, 2, 1, 3, 1, 1, 1, 2, 1, 1, 1, 4]


def make_tasks(books: Books) -> None:
    """Tasks, most of them on projects, a few on a client or on nothing."""
    projects = books.dice.choices(books.rows["projects"], k=TASKS - LOOSE_TASKS)
    for project in [*projects, *([None] * LOOSE_TASKS)]:
        subject = project["name"] if project else books.dice.choice(SPENDING).lower()
        start = date.fromisoformat(project["start_date"]) if project else books.ago(200)
        created = books.between(start, books.today)
        done = books.chance(0.95 if project and project["status"] == 2 else 0.4)
        finished = books.between(created, books.today)
        loose_client = None if books.chance(0.5) else books.dice.choice(books.rows["clients"])["id"]
        books.dated(
            "tasks",
            created,
            finished if done else None,
            title=books.dice.choice(TODO).format(subject),
            project_id=project["id"] if project else None,
            client_id=project["client_id"] if project else loose_client,
            assignee_id=books.dice.choice(books.rows["staff"])["id"] if books.chance(0.8) else None,
            user_id=books.dice.choice(books.rows["staff"])["id"],
            description="See the brief" if books.chance(0.25) else None,
            due_date=(created + timedelta(days=books.dice.randint(2, 40))).isoformat() if books.chance(0.75) else None,
            complete=done,
            completed_at=books.stamp(finished, 179) if done else None,
        )


def make_expenses(books: Books) -> None:
    """Expenses of this fiscal year and of the one before."""
    start = fiscal_year(books.today)[0]
    days = [books.between(start, books.today) for _ in range(EXPENSES_THIS_YEAR)]
    days += [start - timedelta(days=books.dice.randint(1, 360)) for _ in range(EXPENSES_BEFORE)]
    for day in sorted(days):
        project = books.dice.choice(books.rows["projects"]) if books.chance(0.55) else None
        client = books.dice.choice(books.rows["clients"])["id"] if books.chance(0.4) else None
        books.dated(
            "expenses",
            day,
            amount=books.dice.choice((books.dice.randint(450, 9900), books.dice.randint(5000, 89900))),
            client_id=project["client_id"] if project else client,
            project_id=project["id"] if project else None,
            user_id=books.dice.choice(books.rows["staff"])["id"],
            description=books.dice.choice(SPENDING),
            incurred_on=day.isoformat(),
        )
