// What is not invoiced yet: the worth of hours, and expenses; hours at a fixed price have no worth of their own.
const PARTS = [
  { key: "amount", label: "Hours" },
  { key: "expenses", label: "Expenses" }
];
const worked = (row) =>
  [row.hours && hours(row.hours), row.first_date && `${day(row.first_date)} – ${day(row.last_date)}`]
    .filter(Boolean)
    .join(", ");
const worth = (row) => (row.amount ?? 0) + (row.expenses ?? 0);
picture({
  empty: "No unbilled work was found.",
  tool: "unbilled_report",
  within: { project_id: { group_by: "month", min_hours: 0 }, client_id: { group_by: "project", min_hours: 0 } },
  counts: ["count"],
  draw: (data) => [
    perCurrency(data, ({ code, rows, total, unit, most }) => ({
      title: "not invoiced yet",
      figure: total.currency_code && worth(total),
      inside: [
        whole(total, PARTS, unit, `All ${code}`),
        bars(rows, {
          parts: PARTS,
          unit,
          most,
          what: `Unbilled work in ${code}`,
          figure: (row) => unit(worth(row)),
          note: worked
        })
      ]
    })),
    rowsOf(data.fixed_price).length > 0 &&
      section(
        "Hours at a fixed price",
        bars(rowsOf(data.fixed_price), {
          parts: [{ key: "hours", label: "at a fixed price", at: 2 }],
          unit: hours,
          most: 4,
          what: "Hours at a fixed price",
          figure: (row) => hours(row.hours),
          note: worked
        })
      )
  ]
});
