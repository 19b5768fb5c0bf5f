// What money to expect when.
const PARTS = [
  { key: "invoices", label: "Open invoices" },
  { key: "recurring", label: "Recurring schedules" }
];
picture({
  empty: "Nothing is expected in these days.",
  money: ["invoices"],
  ready,
  draw: (data) =>
    perCurrency(data, ({ code, mine, rows, total, unit }) => ({
      title: "expected",
      figure: unit(total.expected ?? 0),
      inside: [
        rows.some((row) => row.expected) &&
          columns(rows, {
            parts: PARTS,
            unit,
            code,
            what: `Expected in ${code}`,
            tick: (row) => (row.week ? date(row.week, { day: "numeric", month: "short" }) : month(row.month))
          }),
        legend(PARTS, (key) => total[key] && unit(total[key])),
        beside(
          ["overdue", "pending", "later"].map((name) => {
            const [row] = mine(data[name]);
            return row && `${unit(row.balance ?? (row.invoices ?? 0) + (row.recurring ?? 0))} ${name}`;
          })
        )
      ]
    }))
});
