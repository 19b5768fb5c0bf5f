// What money to expect when.
const PARTS = [
  { key: "invoices", label: "Open invoices" },
  { key: "recurring", label: "Recurring schedules" }
];
picture({
  empty: "Nothing was found that is expected in these days.",
  counts: ["count", "days"],
  draw: (data) =>
    perCurrency(data, ({ code, mine, rows, total, unit, most }) => ({
      title: "expected",
      figure: total.expected,
      inside: [
        rows.some((row) => row.expected) &&
          overTime(data, rows, {
            parts: PARTS,
            unit,
            code,
            most,
            figure: (row) => unit(row.expected),
            what: `Expected in ${code}`
          }),
        legend(PARTS, total, unit),
        beside(
          ["overdue", "pending", "later"].map((name) => {
            const [row] = mine(data[name]);
            return row && `${unit(row.balance ?? (row.invoices ?? 0) + (row.recurring ?? 0))} ${name}`;
          })
        )
      ]
    }))
});
