"""Words that the default account's names are made of. None is a real name."""


def _words(*lines: str) -> list[str]:
    return [word for line in lines for word in line.split("|")]


GIVEN = _words(
    "Amelia|Oscar|Priya|Mateo|Ingrid|Kwame|Leila|Tobias|Hannah|Rafael|Sofia|Desmond|Yuki|Clara|Idris",
    "Nadia|Callum|Beatriz|Anton|Freya|Marcus|Zeynep|Julian|Odette|Samir|Greta|Felix|Naomi|Hugo|Carmen",
    "Elias|Maren|Dorian|Aisha|Linus|Paloma|Victor|Saskia|Emil|Joanna|Rohan|Petra|Silas|Noor|Gideon|Alma",
    "Bruno|Thea",
)

FAMILY = _words(
    "Whitfield|Okafor|Lindqvist|Moreau|Castellano|Brandt|Hargreaves|Nakamura|Delacroix|Osborne|Petrov",
    "Ibarra|Fairchild|Mensah|Keller|Rousseau|Ashdown|Varga|Holloway|Santos|Weber|Pemberton|Achterberg",
    "Quinlan|Duarte|Falk|Lambert|Novak|Sutherland|Adeyemi|Richter|Bellamy|Kowalski|Thornton|Marchetti",
    "Engel|Rahman|Vance|Girard|Stokes|Haddad|Winslow|Bauer|Mercer|Olsen|Tremblay|Kapoor|Sandoval",
)

COMPANY = _words(
    "Bluebird|Cedar|Northgate|Larkspur|Meridian|Copperfield|Silverline|Harbor|Juniper|Foxglove|Granite",
    "Lantern|Willow|Summit|Driftwood|Amber|Kestrel|Marigold|Ironbridge|Saltmarsh|Orchard|Pinecrest",
    "Quarry|Redwood|Seabright|Tallow|Umber|Verdant|Waypoint|Yarrow|Alder|Beacon|Cinder|Dovetail|Elmwood",
    "Fernhill|Goldcrest|Heron|Islington|Jasper|Keystone|Longmeadow|Mapleton|Nightingale|Oakhurst",
    "Pelican",
)

TRADE = _words(
    "Dental Group|Coffee Roasters|Architects|Outdoor Supply|Legal Partners|Veterinary Clinic|Bakery",
    "Logistics|Energy Consulting|Yoga Studio|Publishing|Real Estate|Brewing Company|Software|Gardens",
    "Film Festival|Insurance Brokers|Cycling Club|Furniture|Museum Trust|Hotel Group|Analytics",
    "Wine Merchants|Robotics|Physiotherapy|Travel|Ceramics|Recruitment|Foods|Housing Association",
)

PLACES = {
    "USD": (
        ("Portland", "OR", "US"),
        ("Austin", "TX", "US"),
        ("Burlington", "VT", "US"),
        ("Madison", "WI", "US"),
        ("Savannah", "GA", "US"),
        ("Boulder", "CO", "US"),
        ("Providence", "RI", "US"),
    ),
    "EUR": (
        ("Hamburg", "", "DE"),
        ("Leipzig", "", "DE"),
        ("Freiburg", "", "DE"),
        ("Lyon", "", "FR"),
        ("Nantes", "", "FR"),
        ("Toulouse", "", "FR"),
    ),
    "GBP": (
        ("Bristol", "", "GB"),
        ("Leeds", "", "GB"),
        ("Edinburgh", "", "GB"),
        ("Norwich", "", "GB"),
        ("Sheffield", "", "GB"),
    ),
}

PHONES = {
    "US": "+1 503-555-01{:02d}",
    "GB": "+44 20 7946 09{:02d}",
    "DE": "+49 30 23125 1{:02d}",
    "FR": "+33 1 99 00 12 {:02d}",
}
"""Telephone numbers that each country reserves for fiction."""

STREETS = _words(
    "Mill Lane|Station Road|Harbour Street|Oak Avenue|Market Square|River Walk|Church Street|Garden Row",
)

JOBS = _words(
    "Marketing Director|Office Manager|Owner|Head of Digital|Accounts Payable|Operations Lead|Founder",
    "Communications Officer|Product Manager|Chief Financial Officer",
)

TEAM = (
    ("Managing Director", 15000),
    ("Creative Director", 14000),
    ("Senior Developer", 12500),
    ("Developer", 10500),
    ("Designer", 9500),
    ("Copywriter", 8500),
    ("Project Manager", 11000),
)
"""Title and hourly rate, in cents, of each member of staff."""

PROJECTS = _words(
    "Website Relaunch|Brand Identity|Online Shop|Annual Report|Booking System|Newsletter Programme",
    "Mobile App|Search Campaign|Photo Archive|Intranet|Packaging Design|Accessibility Audit",
    "Content Strategy|Customer Portal|Trade Fair Stand|Product Launch|Data Dashboard|Hosting Migration",
    "Explainer Video|Style Guide|Recruiting Pages|Event Microsite|Maintenance Plan|Checkout Overhaul",
    "Translation Rollout|Analytics Setup",
)

WORK = _words(
    "Wireframes|Kick-off workshop|Page templates|Copy editing|Bug fixing|Client call|Illustrations",
    "Checkout flow|Content migration|Code review|User interviews|Performance tuning|Image retouching",
    "Release preparation|Accessibility fixes|Navigation concept|Tracking plan|Status report",
    "Form validation|Typography|Search index|Testing on devices|Training session|Logo variants",
)

SERVICES = (
    ("Design work", 9500),
    ("Front-end development", 11000),
    ("Back-end development", 12500),
    ("Copywriting", 8500),
    ("Project management", 11000),
    ("Consulting", 14000),
    ("Search engine optimisation", 9000),
    ("Workshop", 12000),
)
"""What is invoiced by the hour, with the price of one in cents."""

GOODS = (
    ("Web hosting, one month", 4999),
    ("Domain renewal", 1850),
    ("Stock photography licence", 7900),
    ("Font licence", 14950),
    ("Support retainer", 60000),
    ("Maintenance package", 34900),
    ("Printing, business cards", 8640),
    ("Newsletter delivery", 2995),
)
"""What is invoiced by the piece, with its price in cents."""

SPENDING = _words(
    "Train tickets|Stock photos|Design software|Taxi to client|Team lunch with client|Courier",
    "Print proofs|Hotel, one night|Conference ticket|Test devices|Font licence|Cloud hosting",
    "Office supplies|Parking",
)

TODO = _words(
    "Collect feedback on {}|Send proofs of {}|Plan sprint for {}|Fix review comments on {}",
    "Write brief for {}|Order images for {}|Schedule call about {}|Test {} on phones|Hand over {}",
    "Check invoice for {}|Update timeline of {}|Archive files of {}",
)

PAID_BY = ("Bank transfer", "Paid by check", "Card payment", "", "Wire transfer", "Deposit")
