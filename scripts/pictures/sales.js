// What was invoiced or received: columns over time, bars by anything else.
const INVOICED = [
  { key: "received", label: "Received" },
  { key: "pending", label: "Pending" },
  { key: "open", label: "Open", at: 3 }
];
picture({
  empty: "Nothing was sold.",
  money: ["tax"],
  ready,
  draw: (data) =>
    perCurrency(data, ({ code, rows, total, unit, most }) => {
      const invoiced = "gross" in total,
        key = invoiced ? "gross" : "received",
        figure = (row) => unit(row[key] ?? 0);
      const time = ["day", "month", "quarter", "year"].find((name) => rows[0]?.[name]),
        once = new Set(rows.map((row) => row[time])).size == rows.length;
      const asked = {
        parts: invoiced ? INVOICED : INVOICED.slice(0, 1),
        unit,
        what: "Sales in " + code,
        code,
        most,
        figure
      };
      return {
        title: invoiced ? "invoiced, with tax" : key,
        figure: figure(total),
        inside: [
          time && once
            ? columns(rows, {
                ...asked,
                tick: (row) => row.year ?? date(row[time], { month: "short", day: row.day && "numeric" })
              })
            : bars(rows, asked),
          legend(asked.parts, (key) => total[key] && unit(total[key])),
          invoiced &&
            beside(
              [unit(total.net) + " net", unit(total.tax) + " tax", total.credits && unit(total.credits) + " overpaid"],
              "Of it: "
            )
        ]
      };
    })
});
