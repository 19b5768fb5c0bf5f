// Who owes how much, and how late.
const AGES = [
  ["current", "Not yet due"],
  ["days_1_30", "1–30 days late"],
  ["days_31_60", "31–60 days late"],
  ["days_61_90", "61–90 days late"],
  ["over_90", "Over 90 days late"]
].map(([key, label]) => ({ key, label }));
const PARTS = [...AGES, { key: "credits", label: "Credits", sign: -1 }];
picture({
  empty: "No open invoices were found.",
  tool: "receivables_report",
  within: { client_id: { group_by: "invoice" } },
  counts: ["count", "clients", "invoices", "days_overdue"],
  draw: (data) =>
    perCurrency(data, ({ code, mine, rows, total, unit, most }) => ({
      title: "owed",
      figure: total.total,
      inside: [
        whole(total, PARTS, unit, `All ${code} by age`),
        beside([
          ...mine(data.pending).map((row) => unit(row.balance) + " pending"),
          total.credits && unit(total.credits) + " in credits"
        ]),
        bars(
          rows.map((row) => (row.age ? { ...row, [row.age]: row.balance, total: row.balance } : row)),
          {
            parts: PARTS,
            unit,
            most,
            what: `Who owes ${code}`,
            figure: (row) => unit(row.total),
            note: (row) =>
              [
                row.invoices && number(row.invoices) + (row.invoices == 1 ? " invoice" : " invoices"),
                row.oldest_due_date && "oldest due " + day(row.oldest_due_date),
                row.due_date && "due " + day(row.due_date),
                row.credits && unit(row.credits) + " in credits"
              ]
                .filter(Boolean)
                .join(", ")
          }
        )
      ]
    }))
});
